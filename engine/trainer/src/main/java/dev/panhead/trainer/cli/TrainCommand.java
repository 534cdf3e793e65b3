package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.WindowExamples;
import dev.panhead.trainer.loop.Checkpoints;
import dev.panhead.trainer.loop.TrainingOptions;
import dev.panhead.trainer.model.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train}: a model from text, from conversations or from hidden states. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        sortOptions = false,
        customSynopsis = "@|bold panhead train|@ (--text | --chat | --hidden) PATH... [OPTIONS]%n",
        description = {
            "Trains a language model on a text or on conversations, or a head on the hidden states of another model; the last tenth is held"
                    + " out.",
            "Ctrl-C ends the training early and saves the model; --resume goes on."
        },
        footer = {
            "",
            "Examples:",
            "  panhead train --text book.txt notes/ --seconds 150 --out model",
            "  panhead train --text corpus.zip --tokenizer cl100k_base --epochs 3 --out model",
            "  panhead train --chat questions.jsonl --init-model model --epochs 2 --out tuned",
            "  panhead train --hidden states.safetensors --init-head model.safetensors --epochs 5 --out head"
        })
final class TrainCommand implements Callable<Integer> {

    private static final int INTERRUPTED = 130;

    /** Tokens that a dry run shows. */
    private static final int SHOWN = 500;

    @Mixin
    private DataOptions data;

    @Mixin
    private StartOptions start;

    @Mixin
    private ModelShapeOptions shape;

    @Mixin
    private LearningOptions learning;

    @Mixin
    private CheckpointOptions checkpointing;

    @Option(names = "--out", paramLabel = "FOLDER", description = "Where the model goes.")
    private Path out = Path.of("panhead-model");

    @Option(
            names = "--sample",
            paramLabel = "N",
            description = "Tokens of text to generate from the trained model and show; 0 for none.")
    private int sample = 200;

    @Option(
            names = "--dry-run",
            description = "Show how the data is cut into tokens and which of them are learned; train nothing.")
    private boolean dryRun;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        data.requireOne();
        Checkpoints checkpoints = usage(() -> checkpointing.in(out));
        usage(() -> learning.forExamples(1));
        usage(() -> shape.window(1));
        if (!dryRun) {
            requireOurs(out);
            if (!checkpointing.resume() && !checkpoints.isEmpty()) {
                throw new IOException(out.resolve(Checkpoints.FOLDER)
                        + " holds the state of an unfinished training: --resume goes on with it, or delete it");
            }
        }
        try (Interruption interruption = new Interruption();
                Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            Beginning beginning = start.begin(arena, workers, data, shape, learning);
            if (dryRun) {
                show(beginning);
                return 0;
            }
            TrainingOptions options =
                    usage(() -> learning.forExamples(beginning.learned().count()));
            requireRows(options, beginning.model().config().vocabulary());
            TrainingRun run = new TrainingRun(out, arena, workers, beginning, options, checkpoints, interruption);
            if (checkpointing.resume() && checkpoints.isEmpty() && run.isComplete()) {
                System.out.printf("the training in %s is complete: there is nothing to resume%n", out);
                System.out.flush();
                return 0;
            }
            interruption.listen();
            run.train(checkpointing.resume(), sample);
            System.out.flush();
            return interruption.isWished() ? INTERRUPTED : 0;
        }
    }

    private void show(Beginning beginning) {
        if (!(beginning.examples() instanceof WindowExamples text)) {
            throw new UsageException("--dry-run shows tokens, and hidden states have none");
        }
        DryRun.print(System.out, text.data(), SHOWN, learning.batch());
        System.out.flush();
    }

    /** What is not a right value of an option is a wrong usage. */
    private static <T> T usage(Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new UsageException(e.getMessage(), e);
        }
    }

    private static void requireRows(TrainingOptions options, int vocabulary) {
        options.frozenRows().stream()
                .filter(range -> range.to() >= vocabulary)
                .findFirst()
                .ifPresent(range -> {
                    throw new UsageException(
                            "--freeze-rows " + range + ", but the head has rows 0-" + (vocabulary - 1));
                });
    }

    /** A folder with something else in it is not written to. */
    private static void requireOurs(Path folder) throws IOException {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new IOException("--out " + folder + " is a file, not a folder");
        }
        if (Files.isDirectory(folder) && !Files.exists(folder.resolve(ModelFolder.CONFIG))) {
            try (var content = Files.list(folder)) {
                if (content.anyMatch(path -> !isOurs(path.getFileName().toString()))) {
                    throw new IOException("--out " + folder + " holds other files and no model: name a new folder");
                }
            }
        }
    }

    /** Files that a training leaves which was killed before it ended. */
    private static boolean isOurs(String name) {
        return name.startsWith(ModelFolder.METRICS)
                || name.equals(Checkpoints.FOLDER)
                || name.equals(ModelFolder.MODEL)
                || name.equals(ModelFolder.VOCABULARY)
                || name.endsWith(".tmp");
    }
}
