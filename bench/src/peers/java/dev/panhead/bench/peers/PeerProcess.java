package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Part;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

/** One side of a comparison: loads its inputs, then does what it is told, a line at a time. */
final class PeerProcess {

    /** What an answer begins with; libraries print lines of their own. */
    static final String ANSWER = "panhead-peers: ";

    private PeerProcess() {}

    /** Arguments: a library's name and a workload's; and the folder of the real heads' files, if there is one. */
    public static void main(String[] arguments) throws IOException {
        Contender contender = contender(arguments[0]);
        Workload workload = Workload.named(arguments[1], arguments.length > 2 ? Path.of(arguments[2]) : null);
        int[] targets;
        try (Arena arena = Arena.ofShared()) {
            Inputs inputs = new Inputs(workload, arena);
            targets = inputs.targets();
            contender.load(inputs);
        }
        System.gc();
        forgetPeak();
        long before = kilobytes("VmRSS");
        contender.plan();
        answer("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "run" -> {
                    int times = Integer.parseInt(words[1]);
                    long start = System.nanoTime();
                    for (int i = 0; i < times; i++) {
                        contender.run();
                    }
                    answer(Double.toString((double) (System.nanoTime() - start) / times));
                }
                case "rows" -> {
                    Part part = Part.valueOf(words[1]);
                    for (int row : workload.sampledRows(part, targets)) {
                        answer(encode(contender.row(part, row)));
                    }
                }
                case "memory" -> answer(kilobytes("VmHWM") + " " + (kilobytes("VmHWM") - before));
                default -> throw new IllegalArgumentException(line);
            }
        }
    }

    private static Contender contender(String library) {
        return switch (library) {
            case Peers.PANHEAD -> new Panhead();
            case Peers.LIBTORCH -> new LibTorch();
            case "openblas" -> NativeBlas.openBlas();
            case "mkl" -> NativeBlas.mkl();
            case "netlib" -> new NetlibBlas();
            case "ejml" -> new Ejml();
            case "ojalgo" -> new OjAlgo();
            default -> throw new IllegalArgumentException("there is no library " + library);
        };
    }

    private static void answer(String text) {
        System.out.println(ANSWER + text);
        System.out.flush();
    }

    private static String encode(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
        bytes.asFloatBuffer().put(values);
        return Base64.getEncoder().encodeToString(bytes.array());
    }

    static float[] decode(String text) {
        ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(text));
        float[] values = new float[bytes.remaining() / Float.BYTES];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /** Makes the kernel count the peak of resident memory from now on. */
    private static void forgetPeak() throws IOException {
        Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    }

    private static long kilobytes(String name) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith(name + ":")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        throw new IOException("/proc/self/status has no " + name);
    }
}
