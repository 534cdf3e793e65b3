package dev.panhead.trainer.report;

import dev.panhead.format.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What a training's metrics file tells, as a page for a browser and a picture. */
public final class Report {

    private Report() {}

    /**
     * Writes one HTML file that needs no other, and the curve of the loss as a PNG file; each whole or not at all.
     *
     * @param metrics one JSON object a line, as {@link MetricsFile} writes them; kinds and fields that are unknown are passed
     *     over, and so is a last line that is not whole, for the training may still go on
     * @param html the page to be written, in a folder that exists
     * @param png the picture to be written, in a folder that exists
     * @return nothing, or the reason why the picture was left out, as the end of a sentence: there is no loss to show, or this
     *     Java has no fonts
     * @throws IOException if the metrics cannot be read, or the files not written, as the file system says it; if a line is
     *     malformed, with file, line and reason; nothing is written in that case
     */
    public static Optional<String> write(Path metrics, Path html, Path png) throws IOException {
        TrainingLog log = MetricsReader.read(metrics);
        byte[] page = new Page(log).html().getBytes(StandardCharsets.UTF_8);
        List<Curve> losses = Charts.losses(log);
        String obstacle = LossPicture.obstacle(losses);
        byte[] picture =
                obstacle == null ? LossPicture.png(losses, LossPicture.Across.STEPS, "loss, nats a token") : null;
        AtomicFile.write(html, page);
        if (picture != null) {
            AtomicFile.write(png, picture);
        }
        return Optional.ofNullable(obstacle);
    }
}
