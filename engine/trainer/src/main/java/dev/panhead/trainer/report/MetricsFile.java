package dev.panhead.trainer.report;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.format.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Writes one JSON object a line: every so many steps, and for each evaluation. The lines grow in a file of their own, to be
 * watched, and take their place only when the training has come to its end: what an earlier training left stays until then.
 */
public final class MetricsFile implements Listener, AutoCloseable {

    private static final int STEPS_A_LINE = 20;

    private static final Set<String> AT_THE_END = Set.of("hardest", "sample", "end");

    /** What the file's name ends with while it grows. */
    public static final String PARTIAL = ".partial";

    private final Path path;
    private final Path partial;
    private final FileChannel channel;

    private MetricsFile(Path path, FileChannel channel) {
        this.path = path;
        this.partial = partial(path);
        this.channel = channel;
    }

    private static Path partial(Path path) {
        return path.resolveSibling(path.getFileName() + PARTIAL);
    }

    /** Begins a new file beside the path. */
    public static MetricsFile begin(Path path) throws IOException {
        return new MetricsFile(
                path,
                FileChannel.open(
                        partial(path),
                        StandardOpenOption.WRITE,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING));
    }

    /** Goes on with what there is, without what it has of later steps than {@code step}, or of an end. */
    public static MetricsFile resume(Path path, long step) throws IOException {
        Path partial = partial(path);
        Path source = Files.exists(partial) ? partial : path;
        if (!Files.exists(source)) {
            return begin(path);
        }
        AtomicFile.write(partial, kept -> {
            // Bytes as they are: a line that was cut off need not be text.
            try (Stream<String> lines = Files.lines(source, StandardCharsets.ISO_8859_1)) {
                for (String line : (Iterable<String>) lines::iterator) {
                    byte[] bytes = line.getBytes(StandardCharsets.ISO_8859_1);
                    if (belongs(bytes, step)) {
                        write(kept, bytes);
                    }
                }
            }
        });
        return new MetricsFile(path, FileChannel.open(partial, StandardOpenOption.WRITE, StandardOpenOption.APPEND));
    }

    /** Whether a line is whole, and of a step until {@code step} on the way or of none. */
    private static boolean belongs(byte[] line, long step) {
        try {
            Map<String, Object> object = JSON.std.mapFrom(line);
            return !AT_THE_END.contains(String.valueOf(object.get("kind")))
                    && !Boolean.TRUE.equals(object.get("whole"))
                    && (!(object.get("step") instanceof Number number) || number.longValue() <= step);
        } catch (IOException torn) {
            return false; // the last line of a training that was killed
        }
    }

    @Override
    public void step(Status status) throws IOException {
        if (status.step() == 1 || status.step() % STEPS_A_LINE == 0 || status.progress() >= 1) {
            write(line("step", status));
        }
    }

    @Override
    public void evaluated(Status status, Evaluation heldOut, boolean whole) throws IOException {
        Map<String, Object> line = line("evaluation", status);
        line.put("held_out_loss", heldOut.loss());
        putFinite(line, "held_out_bits_per_byte", heldOut.bitsPerByte());
        putFinite(line, "held_out_accuracy", heldOut.accuracy());
        line.put("held_out_tokens", heldOut.tokens());
        line.put("whole", whole);
        write(line);
    }

    @Override
    public void saved(Status status, Path file, double seconds) throws IOException {
        Map<String, Object> line = line("checkpoint", status.step());
        line.put("seconds", status.seconds());
        line.put("file", file.getFileName().toString());
        line.put("milliseconds", 1e3 * seconds);
        write(line);
    }

    @Override
    public void audited(Status status, int tokens, double error, double bound) throws IOException {
        Map<String, Object> line = line("audit", status.step());
        line.put("tokens", tokens);
        putFinite(line, "max_rel_error", error);
        line.put("bound", bound);
        write(line);
    }

    /** The beginning of a line about a step. */
    public static Map<String, Object> line(String kind, long step) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("kind", kind);
        line.put("step", step);
        return line;
    }

    private static Map<String, Object> line(String kind, Status status) {
        Map<String, Object> line = line(kind, status.step());
        line.put("tokens", status.tokens());
        line.put("seconds", status.seconds());
        putFinite(line, "loss", status.loss());
        putFinite(line, "bits_per_byte", status.bitsPerByte());
        line.put("learning_rate", status.learningRate());
        putFinite(line, "gradient_norm", status.gradientNorm());
        putFinite(line, "gradient_density", status.gradientDensity());
        putFinite(line, "kept_mass", status.keptMass());
        putFinite(line, "tokens_per_second", status.tokensPerSecond());
        return line;
    }

    /** JSON has no word for what is not finite. */
    private static void putFinite(Map<String, Object> line, String name, double value) {
        if (Double.isFinite(value)) {
            line.put(name, value);
        }
    }

    /** Writes one line. */
    public void write(Map<String, Object> line) throws IOException {
        write(channel, JSON.std.asString(line).getBytes(StandardCharsets.UTF_8));
    }

    private static void write(FileChannel channel, byte[] line) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(line.length + 1).put(line).put((byte) '\n').flip();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Gives the file, now whole, its place and name, replacing one that is there. */
    public void publish() throws IOException {
        channel.force(true);
        channel.close();
        AtomicFile.replace(path, partial);
    }

    /** Writes no more. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
