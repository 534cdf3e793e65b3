package dev.panhead.trainer.cli;

import dev.panhead.head.GradientMode;
import dev.panhead.trainer.loop.GradientName;
import dev.panhead.trainer.loop.OptimizerOptions;
import dev.panhead.trainer.loop.RowRange;
import dev.panhead.trainer.loop.Schedule;
import dev.panhead.trainer.loop.TrainingOptions;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Option;

/** The options for how to train. */
@SectionedHelp.Section("Learning")
final class LearningOptions {

    private enum OptimizerName {
        ADAMW,
        SGD;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(names = "--seconds", paramLabel = "S", description = "How long to train.")
    private double seconds = 60;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Train for so many steps instead: the same bits each time. 0: for --seconds.")
    private long steps;

    @Option(names = "--epochs", paramLabel = "E", description = "Train for so many passes over the data instead.")
    private double epochs;

    @Option(names = "--batch", paramLabel = "T", description = "Tokens a batch.")
    private int batch = 1024;

    @Option(names = "--accumulate", paramLabel = "N", description = "Batches whose gradients make one step.")
    private int accumulate = 1;

    @Option(names = "--optimizer", paramLabel = "RULE", description = "${COMPLETION-CANDIDATES}.")
    private OptimizerName optimizer = OptimizerName.ADAMW;

    @Option(
            names = "--learning-rate",
            paramLabel = "R",
            description = "Highest learning rate; to go on from a trained head, much less, as 3e-4.")
    private double learningRate = 0.004;

    @Option(
            names = "--schedule",
            paramLabel = "SHAPE",
            description = "How the rate falls after the warm-up: ${COMPLETION-CANDIDATES}.")
    private Schedule.Shape schedule = Schedule.Shape.COSINE;

    @Option(names = "--warm-up", paramLabel = "F", description = "Fraction of the training in which the rate rises.")
    private double warmUp = 0.02;

    @Option(names = "--floor", paramLabel = "F", description = "The rate at the end, as a fraction of the highest.")
    private double floor;

    @Option(names = "--beta1", paramLabel = "B", description = "AdamW's decay of the gradients' mean.")
    private double beta1 = 0.9;

    @Option(names = "--beta2", paramLabel = "B", description = "AdamW's decay of their squares' mean.")
    private double beta2 = 0.95;

    @Option(names = "--epsilon", paramLabel = "E", description = "AdamW's epsilon.")
    private double epsilon = 1e-8;

    @Option(names = "--momentum", paramLabel = "M", description = "SGD's momentum.")
    private double momentum;

    @Option(names = "--nesterov", description = "SGD makes Nesterov's step.")
    private boolean nesterov;

    @Option(names = "--weight-decay", paramLabel = "D", description = "Decay of the weights of linear layers.")
    private double weightDecay = 0.01;

    @Option(
            names = "--clip",
            paramLabel = "C",
            description = "Largest gradient norm; 0 for any. By default 1, and any with --fused.")
    private Double clip;

    @Option(
            names = "--label-smoothing",
            paramLabel = "E",
            description = "Share of the target's weight that is spread over all tokens.")
    private double labelSmoothing;

    @Option(names = "--z-loss", paramLabel = "L", description = "Factor of the squared log-sum-exp in the loss.")
    private double zLoss;

    @Option(
            names = "--gradient",
            paramLabel = "MODE",
            description = {
                "How much of the logits' gradient is multiplied: exact (all), unbiased[:TAU], drop:MASS or drop-below:THRESHOLD.",
                "unbiased rounds entries below TAU (as 0.004 or 2^-8, the default) at random, right in the mean; drop leaves out"
                        + " the smallest, up to MASS (as 0.01) of a token's gradient; drop-below those below THRESHOLD."
            })
    private String gradient = "exact";

    @Option(
            names = "--fused",
            description = "Update the head's weight as its gradient becomes final, to the same bits: saves its memory.")
    private boolean fused;

    @Option(names = "--head-only", description = "Leave the encoder as it is.")
    private boolean headOnly;

    @Option(
            names = "--freeze-rows",
            paramLabel = "A-B",
            split = ",",
            description = "Rows of the head that stay as they are, as 0-49999 or 7,9-12.")
    private List<String> frozenRows = new ArrayList<>();

    @Option(
            names = "--evaluate-every",
            paramLabel = "N",
            description = "Steps between two looks at what is held out; 0 for ten looks.")
    private long evaluateEvery;

    @Option(
            names = "--patience",
            paramLabel = "N",
            description = "End after so many looks without improvement, and keep the best; 0 for never.")
    private int patience;

    @Option(names = "--keep-best", description = "Keep the parameters of the best look, not the last ones.")
    private boolean keepBest;

    @Option(
            names = "--validate-every",
            paramLabel = "N",
            description = {
                "Steps between two audits of random tokens in double precision; 0 for none. They are of the exact gradient,"
                        + " whatever --gradient is.",
                "The report has them; one that fails ends the training."
            })
    private long auditEvery;

    @Option(names = "--seed", paramLabel = "K", description = "Seed of weights and batches.")
    private long seed = 1;

    long seed() {
        return seed;
    }

    int batch() {
        return batch;
    }

    /** The optimizer's name. */
    String optimizer() {
        return optimizer.toString();
    }

    /** The options of optimizers that are not used. */
    List<String> otherOptimizers() {
        return switch (optimizer) {
            case ADAMW -> List.of("--momentum", "--nesterov");
            case SGD -> List.of("--beta1", "--beta2", "--epsilon");
        };
    }

    /** Whether the rate does not fall. */
    boolean isConstant() {
        return schedule == Schedule.Shape.CONSTANT;
    }

    private GradientMode gradient() {
        try {
            return GradientName.parse(gradient, seed);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--gradient " + e.getMessage(), e);
        }
    }

    /** The options, checked as far as that can be before the data is known. */
    TrainingOptions checked() {
        if (!(epochs >= 0 && epochs < 1e9)) {
            throw new IllegalArgumentException("--epochs must be at least 0 and less than 1e9, but is " + epochs);
        }
        return forSteps(epochs > 0 ? 1 : steps);
    }

    /**
     * The options as the loop takes them.
     *
     * @param examples how many there are to learn
     */
    TrainingOptions forExamples(long examples) {
        if (steps > 0 || epochs == 0) {
            return forSteps(steps);
        }
        long tokens = (long) batch * accumulate;
        if (tokens > epochs * examples) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "--epochs %s of %,d tokens are less than a single step, which takes %,d (--batch, --accumulate)",
                    BigDecimal.valueOf(epochs).stripTrailingZeros().toPlainString(),
                    examples,
                    tokens));
        }
        return forSteps(Math.round(epochs * examples / tokens));
    }

    /** Whether the training ends after a number of steps. */
    boolean countsSteps() {
        return steps > 0;
    }

    private TrainingOptions forSteps(long steps) {
        OptimizerOptions rule =
                switch (optimizer) {
                    case ADAMW -> new OptimizerOptions.AdamWOptions(beta1, beta2, epsilon, weightDecay);
                    case SGD -> new OptimizerOptions.SgdOptions(momentum, nesterov, weightDecay);
                };
        return new TrainingOptions(
                batch,
                accumulate,
                steps,
                seconds,
                new Schedule(schedule, learningRate, warmUp, floor),
                rule,
                clip != null ? clip : fused ? 0 : 1,
                labelSmoothing,
                zLoss,
                gradient(),
                fused,
                headOnly,
                frozenRows.stream().map(RowRange::parse).toList(),
                evaluateEvery,
                patience,
                keepBest,
                auditEvery,
                seed);
    }
}
