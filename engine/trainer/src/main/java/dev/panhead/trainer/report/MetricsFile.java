package dev.panhead.trainer.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Writes one JSON object a line: every so many steps, and for each evaluation. */
public final class MetricsFile implements Listener, AutoCloseable {

    private static final int STEPS_A_LINE = 20;

    private final Writer writer;

    /** Begins a new file, replacing one that is there. */
    public MetricsFile(Path path) throws IOException {
        writer = Files.newBufferedWriter(path);
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
        writer.write(JSON.std.asString(line));
        writer.write('\n');
        writer.flush();
    }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
