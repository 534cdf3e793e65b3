package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.WindowExamples;
import dev.panhead.trainer.loop.Checkpoints;
import dev.panhead.trainer.loop.RowRange;
import dev.panhead.trainer.loop.TrainingOptions;
import dev.panhead.trainer.model.ModelConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

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
            description = {
                "Show how the data is cut into tokens, and which of them are predicted; train nothing.",
                "Those are on green and cyan, the others dim; without colours, each in brackets, behind and before a |."
            })
    private boolean dryRun;

    @Mixin
    private ThreadsOption threads;

    @Spec
    private CommandSpec spec;

    @ParentCommand
    private Main main;

    @Override
    public Integer call() throws Exception {
        data.requireOne();
        requireSense();
        Checkpoints checkpoints = usage(() -> checkpointing.in(out));
        if (!dryRun) {
            OutputFolder.requireOurs(out);
            if (!checkpointing.resume() && !checkpoints.isEmpty()) {
                throw new IOException(
                        out.resolve(Checkpoints.FOLDER)
                                + " holds the state of an unfinished training: --resume goes on with it, another --out begins anew");
            }
        }
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            Beginning beginning = start.begin(arena, workers, data, shape, learning);
            if (dryRun) {
                show(beginning);
                return 0;
            }
            TrainingOptions options =
                    usage(() -> learning.forExamples(beginning.learned().count()));
            requireRows(options, beginning.model().config());
            if (!options.frozenRows().isEmpty() && beginning.isNew()) {
                System.err.println("panhead: --freeze-rows keeps rows as they begin, which is at random"
                        + " without --init-head or --init-model");
            }
            TrainingRun run =
                    new TrainingRun(out, arena, workers, beginning, options, checkpoints, main.interruption());
            if (checkpointing.resume() && checkpoints.isEmpty() && run.isComplete()) {
                System.out.printf("the training in %s is complete: there is nothing to resume%n", out);
                System.out.flush();
                return 0;
            }
            if (checkpointing.resume() && checkpoints.isEmpty() && run.wouldReplace()) {
                throw new IOException(
                        "--out " + out + " holds the finished model of another training: there is nothing to resume");
            }
            OutputFolder locked = OutputFolder.open(out);
            try {
                main.interruption().listen();
                run.train(checkpointing, sample);
            } finally {
                locked.close();
            }
            System.out.flush();
            return main.interruption().isWished() ? INTERRUPTED : 0;
        }
    }

    /** Refuses values that are wrong whatever the data is, and options that others leave without a meaning. */
    private void requireSense() {
        usage(learning::checked);
        shape.window(1);
        if (sample < 0) {
            throw new UsageException("--sample must be at least 0, but is " + sample);
        }
        List<String> encoder =
                List.of("--tokenizer", "--all-tokens", "--context", "--embedding", "--width", "--head-only");
        List<String> shapes = List.of(
                "--tokenizer",
                "--all-tokens",
                "--context",
                "--embedding",
                "--width",
                "--bias",
                "--no-bias",
                "--softcap",
                "--logit-scale",
                "--vocabulary",
                "--init-head",
                "--new-rows");
        requireNoneWith("--hidden", encoder);
        requireNoneWith("--init-model", shapes);
        requireNoneWith("--init-head", List.of("--vocabulary"));
        requireNone("--optimizer " + learning.optimizer(), learning.otherOptimizers());
        requireNone("--schedule constant", learning.isConstant() ? List.of("--floor") : List.of());
        requireNone("--steps", learning.countsSteps() ? List.of("--seconds", "--epochs") : List.of());
        requireNoneWith("--epochs", List.of("--seconds"));
        if (!checkpointing.resume() && spec.commandLine().getParseResult().hasMatchedOption("--allow-changes")) {
            throw new UsageException("--allow-changes goes with --resume");
        }
    }

    private void requireNoneWith(String option, List<String> others) {
        if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
            requireNone(option, others);
        }
    }

    private void requireNone(String option, List<String> others) {
        ParseResult given = spec.commandLine().getParseResult();
        for (String other : others) {
            if (given.hasMatchedOption(other)) {
                throw new UsageException(other + " has no meaning with " + option);
            }
        }
    }

    private void show(Beginning beginning) {
        if (!(beginning.examples() instanceof WindowExamples text)) {
            throw new UsageException("--dry-run shows tokens, and hidden states have none");
        }
        long heldOut = text.count() - beginning.learned().count();
        DryRun.print(System.out, text.data(), SHOWN, heldOut, learning.batch());
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

    private void requireRows(TrainingOptions options, ModelConfig config) {
        int rows = 0;
        for (RowRange range : options.frozenRows()) {
            if (range.to() >= config.vocabulary()) {
                throw new UsageException(
                        "--freeze-rows " + range + ", but the head has rows 0-" + (config.vocabulary() - 1));
            }
            rows += range.to() - range.from() + 1;
        }
        if (rows == config.vocabulary() && (config.window() == null || options.headOnly())) {
            throw new UsageException("--freeze-rows leaves nothing to learn");
        }
    }
}
