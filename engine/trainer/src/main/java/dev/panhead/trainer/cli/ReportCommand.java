package dev.panhead.trainer.cli;

import dev.panhead.trainer.model.ModelFolder;
import dev.panhead.trainer.report.MetricsFile;
import dev.panhead.trainer.report.Report;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code report}: a training as a page. */
@Command(
        name = "report",
        mixinStandardHelpOptions = true,
        description = {
            "Makes a page of a training: its curves, samples, hardest tokens, configuration; and a picture of its loss.",
            "The page needs no network. A training that still goes on, or was killed, is shown as far as it came."
        },
        footer = {"", "Example: panhead report --model panhead-model"})
final class ReportCommand implements Callable<Integer> {

    @Option(
            names = {"--run", "--model"},
            paramLabel = "FOLDER",
            required = true,
            description = "The model's folder, as train writes it, with its " + ModelFolder.METRICS + ".")
    private Path run;

    @Option(
            names = "--out",
            paramLabel = "FILE.html",
            description = "The page to write, " + ModelFolder.LOSS_PICTURE
                    + " beside it (default: report.html in the model's folder).")
    private Path out;

    @Override
    public Integer call() throws Exception {
        Path html = out == null ? run.resolve(ModelFolder.REPORT) : out;
        if (!html.toString().toLowerCase(Locale.ROOT).matches(".*\\.html?")) {
            throw new UsageException("--out must name a file that ends with .html, but is " + html);
        }
        Path metrics = metrics(run);
        Path folder = html.toAbsolutePath().getParent();
        if (!Files.isDirectory(folder)) {
            throw new IOException("--out " + html + ": there is no folder " + folder);
        }
        if (Files.isDirectory(html)) {
            throw new IOException("--out " + html + " is a folder, not a file");
        }
        Path png = html.resolveSibling(ModelFolder.LOSS_PICTURE);
        Optional<String> obstacle = Report.write(metrics, html, png);
        System.out.println(obstacle.map(reason -> "wrote " + html + ", but not " + png + ": " + reason)
                .orElse("wrote " + html + " and " + png));
        return 0;
    }

    /** The metrics of the last training that began in a folder: while it goes on, they have a name of their own. */
    static Path metrics(Path run) throws IOException {
        Path finished = run.resolve(ModelFolder.METRICS);
        Path growing = run.resolve(ModelFolder.METRICS + MetricsFile.PARTIAL);
        if (Files.exists(growing)) {
            return growing;
        }
        if (!Files.exists(finished)) {
            throw new IOException("there is no training in " + run + ": " + finished + " is missing");
        }
        return finished;
    }
}
