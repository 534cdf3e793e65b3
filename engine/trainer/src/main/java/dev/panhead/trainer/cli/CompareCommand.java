package dev.panhead.trainer.cli;

import dev.panhead.trainer.report.Comparison;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code compare}: some trainings side by side. */
@Command(
        name = "compare",
        mixinStandardHelpOptions = true,
        description = {
            "Puts trainings side by side.",
            "Shows the options that differ, speed, the held-out loss at the end, the lowest one of the looks at a part on the way,",
            "and the time that each took to what all have reached there. With --out, those losses by time as a picture, too."
        },
        footer = {"", "Example: panhead compare model-a model-b --out losses.png"})
final class CompareCommand implements Callable<Integer> {

    @Parameters(
            paramLabel = "FOLDER",
            arity = "1..*",
            description = "The models' folders, as train writes them, 2 to " + Comparison.MOST + ".")
    private List<Path> runs;

    @Option(names = "--out", paramLabel = "FILE.png", description = "The picture to write.")
    private Path out;

    @Override
    public Integer call() throws Exception {
        if (runs.size() < 2 || runs.size() > Comparison.MOST) {
            throw new UsageException(
                    "compare takes 2 to " + Comparison.MOST + " folders, but was given " + runs.size());
        }
        if (out != null && !out.toString().toLowerCase(Locale.ROOT).endsWith(".png")) {
            throw new UsageException("--out must name a file that ends with .png, but is " + out);
        }
        if (out != null && !Files.isDirectory(out.toAbsolutePath().getParent())) {
            throw new IOException("--out " + out + ": there is no folder "
                    + out.toAbsolutePath().getParent());
        }
        Comparison comparison = Comparison.read(metrics());
        System.out.print(comparison.table());
        if (out != null) {
            Optional<String> obstacle = comparison.draw(out);
            System.out.println(
                    obstacle.map(reason -> out + " was not written: " + reason).orElse("wrote " + out));
        }
        return 0;
    }

    /** Each training's metrics by its folder's name; by its path, where names are alike. */
    private Map<String, Path> metrics() throws IOException {
        Map<String, Path> metrics = new LinkedHashMap<>();
        for (Path run : runs) {
            String name = name(run);
            boolean alone =
                    runs.stream().filter(other -> name(other).equals(name)).count() == 1;
            Path file = ReportCommand.metrics(run);
            if (metrics.put(alone ? name : run.toString(), file) != null) {
                throw new UsageException(run + " is given twice");
            }
        }
        return metrics;
    }

    private static String name(Path run) {
        Path name = run.toAbsolutePath().normalize().getFileName();
        return name == null ? run.toString() : name.toString(); // a root has no name
    }
}
