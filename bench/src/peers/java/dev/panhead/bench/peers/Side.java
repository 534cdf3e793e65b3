package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Part;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A {@link PeerProcess}, seen from outside. */
final class Side implements AutoCloseable {

    private static final String[] THREAD_COUNTS = {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"};

    /**
     * What is garbage soon makes its pages resident before it is collected. A young generation of the default size, a part of
     * the machine's memory, would show in every side's figure, mostly with what is allocated before code is compiled.
     */
    private static final String YOUNG_GENERATION = "8m";

    private final String library;
    private final Process process;
    private final Writer orders;
    private final BufferedReader answers;
    private final List<String> said = new ArrayList<>();

    /** Starts a process that loads a workload; {@link #ready} waits for it. */
    Side(String library, Workload workload) throws IOException {
        this.library = library;
        List<String> arguments = new ArrayList<>(List.of(library, workload.name()));
        if (workload.real() != null) {
            arguments.add(workload.real().folder().toString());
        }
        process = java(workload.threads(), PeerProcess.class, arguments)
                .redirectErrorStream(true)
                .start();
        orders = process.outputWriter();
        answers = process.inputReader();
    }

    /** A virtual machine of its own, to be started, where libraries use so many threads. */
    static ProcessBuilder java(int threads, Class<?> main, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(
                System.getProperty("java.home") + File.separator + "bin" + File.separator + "java",
                "-XX:+UseSerialGC",
                "-Xmn" + YOUNG_GENERATION,
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Dai.djl.pytorch.num_threads=" + threads,
                "-D" + Panhead.UNBIASED + "=" + Boolean.getBoolean(Panhead.UNBIASED),
                "-cp",
                classPath(),
                main.getName()));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        Map<String, String> environment = builder.environment();
        for (String name : THREAD_COUNTS) {
            environment.put(name, Integer.toString(threads));
        }
        environment.put("DJL_OFFLINE", "true");
        environment.put("OPT_OUT_TRACKING", "true");
        return builder;
    }

    /** This jar, and the folder of libraries beside it. */
    private static String classPath() {
        Path jar = Path.of(System.getProperty("java.class.path")).toAbsolutePath();
        return jar + File.pathSeparator + jar.resolveSibling("peers") + File.separator + "*";
    }

    /** Waits until the inputs are loaded. */
    void ready() throws IOException {
        answer();
    }

    /** Runs, and returns the mean time of a run in milliseconds. */
    double run(int times) throws IOException {
        order("run " + times);
        return Double.parseDouble(answer()) * 1e-6;
    }

    /** The compared rows of a result. */
    float[][] rows(Part part, int count) throws IOException {
        order("rows " + part);
        float[][] rows = new float[count][];
        for (int i = 0; i < count; i++) {
            rows[i] = PeerProcess.decode(answer());
        }
        return rows;
    }

    /** The peak of resident memory, in MiB: in all, and beyond what was there once the inputs were loaded. */
    double[] memory() throws IOException {
        order("memory");
        String[] kilobytes = answer().split(" ");
        return new double[] {Long.parseLong(kilobytes[0]) / 1024.0, Long.parseLong(kilobytes[1]) / 1024.0};
    }

    private void order(String text) throws IOException {
        orders.write(text + "\n");
        orders.flush();
    }

    private String answer() throws IOException {
        for (String line = answers.readLine(); line != null; line = answers.readLine()) {
            if (line.startsWith(PeerProcess.ANSWER)) {
                return line.substring(PeerProcess.ANSWER.length());
            }
            said.add(line);
        }
        throw new IOException(library + " ended: " + String.join(" | ", said));
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
