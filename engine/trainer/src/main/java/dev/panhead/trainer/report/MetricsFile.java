package dev.panhead.trainer.report;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.format.AtomicFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes one JSON object a line: every so many steps, and for each evaluation. The lines grow in a file of their own, to be
 * watched, and take their place only when the training has come to its end: what an earlier training left stays until then.
 */
public final class MetricsFile implements Listener, AutoCloseable {

    private static final int STEPS_A_LINE = 20;

    /** What the file's name ends with while it grows. */
    public static final String PARTIAL = ".partial";

    private final Path path;
    private final Path partial;
    private final FileChannel channel;

    /** Begins a new file beside the path. */
    public MetricsFile(Path path) throws IOException {
        this.path = path;
        partial = path.resolveSibling(path.getFileName() + PARTIAL);
        channel = FileChannel.open(
                partial, StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
    }

    @Override
    public void step(Status status) throws IOException {
        if (status.step() == 1 || status.step() % STEPS_A_LINE == 0 || status.progress() >= 1) {
            write(line("step", status));
        }
    }

    @Override
    public void evaluated(Status status, Evaluation heldOut) throws IOException {
        Map<String, Object> line = line("evaluation", status);
        line.put("held_out_loss", heldOut.loss());
        line.put("held_out_bits_per_byte", heldOut.bitsPerByte());
        line.put("held_out_tokens", heldOut.tokens());
        write(line);
    }

    private static Map<String, Object> line(String kind, Status status) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("kind", kind);
        line.put("step", status.step());
        line.put("tokens", status.tokens());
        line.put("seconds", status.seconds());
        line.put("loss", status.loss());
        line.put("learning_rate", status.learningRate());
        line.put("gradient_norm", status.gradientNorm());
        line.put("tokens_per_second", status.tokensPerSecond());
        return line;
    }

    private void write(Map<String, Object> line) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((JSON.std.asString(line) + "\n").getBytes(StandardCharsets.UTF_8));
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
