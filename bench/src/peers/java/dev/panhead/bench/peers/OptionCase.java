package dev.panhead.bench.peers;

import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.Reduction;
import dev.panhead.head.SoftTargets;
import dev.panhead.head.SoftTargets.Divergence;
import dev.panhead.head.SoftTargets.Remainder;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.HalfMatrix.Format;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Something that a head can be asked for, and how a user of PyTorch would write it. At most one upstream gradient is among the inputs.
 *
 * @param name of the option
 * @param options Panhead's options
 * @param inputs Panhead's inputs
 * @param torch the same as an expression in PyTorch's operations: of {@code logits}, and of the inputs that there are, by their names
 */
record OptionCase(String name, HeadOptions options, HeadInputs inputs, String torch) {

    /** What is compared, and how it is called in the table. */
    enum Result {
        LOSS("loss"),
        /** Each token's loss. */
        LOSSES("losses"),
        /** Those of the targets. */
        LOG_PROBABILITIES("log p"),
        ENTROPIES("entropies"),
        HIDDEN_GRADIENT("dX"),
        WEIGHT_GRADIENT("dW"),
        BIAS_GRADIENT("db");

        final String label;

        Result(String label) {
            this.label = label;
        }
    }

    static final int TOKENS = 256;
    static final int VOCABULARY = 4096;

    /** The logits' deviation. */
    private static final double DEVIATION = 2;

    /** Every so many tokens, one points to its target's row, and is so many times as long: its probability is nearly 1. */
    private static final int CONFIDENT = 16;

    private static final float LENGTH = 5;

    /** One in so many targets is ignored, where some are. */
    private static final int IGNORED = 3;

    /** Entries that a teacher knows. */
    private static final int TAUGHT = 6;

    /** PyTorch's reductions none and sum; mean is its default. */
    private static final String APART = "reduction=0";

    private static final String SUM = "reduction=2";

    /** All there are, in the same order for each draw; their inputs are the arena's. */
    static List<OptionCase> all(Arena arena, int width, int draw) {
        int seed = 4 * draw;
        RandomGenerator random = Inputs.GENERATORS.create(draw);
        int[] targets = random.ints(TOKENS, 0, VOCABULARY).toArray();
        int[] someIgnored = targets.clone();
        for (int t = 0; t < TOKENS; t += IGNORED) {
            someIgnored[t] = HeadOptions.IGNORE_INDEX;
        }
        Matrix weight = Inputs.normal(arena, VOCABULARY, width, seed + 1, (float) (DEVIATION / Math.sqrt(width)));
        Matrix hidden = Inputs.normal(arena, TOKENS, width, seed, 1);
        for (int t = 0; t < TOKENS; t += CONFIDENT) {
            for (int k = 0; k < width; k++) {
                hidden.set(t, k, LENGTH * weight.get(targets[t], k));
            }
        }
        Matrix tokenFactors = factors(arena, TOKENS, random);
        Matrix classFactors = factors(arena, VOCABULARY, random);
        Matrix upstream = Inputs.normal(arena, 1, TOKENS, seed + 2, 1);

        HeadOptions options = HeadOptions.DEFAULT;
        HeadOptions apart = options.withReduction(Reduction.NONE);
        HeadInputs inputs = HeadInputs.of(hidden, weight, Ints.of(targets));
        HeadInputs ignoring = HeadInputs.of(hidden, weight, Ints.of(someIgnored));
        HeadInputs biased = inputs.withBias(Inputs.normal(arena, 1, VOCABULARY, seed + 3, 1));
        HeadInputs classes = inputs.withClassWeights(classFactors);
        HeadInputs taught = taught(arena, inputs, random);
        HeadInputs halves = HeadInputs.of(
                HalfMatrix.of(arena, Format.BFLOAT16, hidden),
                HalfMatrix.of(arena, Format.BFLOAT16, weight),
                Ints.of(targets));
        String plain = crossEntropy("logits");
        String capped = "30. * torch.tanh(logits / 30.)";

        List<OptionCase> all = new ArrayList<>();
        all.add(new OptionCase("mean", options, inputs, plain));
        all.add(new OptionCase("sum", options.withReduction(Reduction.SUM), inputs, crossEntropy("logits", SUM)));
        all.add(new OptionCase("divisor", options, inputs.withDivisor(1000), crossEntropy("logits", SUM) + " / 1000."));
        all.add(new OptionCase("ignore index", options, ignoring, plain));
        all.add(new OptionCase("bias", options, biased, plain));
        all.add(new OptionCase("class weights", options, classes, crossEntropy("logits", "weight=class_weights")));
        all.add(new OptionCase(
                "label smoothing",
                options.withLabelSmoothing(0.1),
                inputs,
                crossEntropy("logits", "label_smoothing=0.1")));
        all.add(new OptionCase(
                "class weights, smoothing",
                options.withLabelSmoothing(0.1),
                classes,
                crossEntropy("logits", "weight=class_weights", "label_smoothing=0.1")));
        all.add(new OptionCase(
                "token weights",
                options,
                inputs.withTokenWeights(tokenFactors),
                "torch.sum(token_weights * " + crossEntropy("logits", APART) + ") / torch.sum(token_weights)"));
        all.add(new OptionCase(
                "z-loss",
                options.withZLoss(1e-4),
                inputs,
                plain + " + 1e-4 * torch.mean(torch.square(torch.logsumexp(logits, [1])))"));
        all.add(new OptionCase("soft cap 30", options.withSoftcap(30), inputs, crossEntropy(capped)));
        all.add(new OptionCase(
                "soft cap 5", options.withSoftcap(5), inputs, crossEntropy("5. * torch.tanh(logits / 5.)")));
        all.add(new OptionCase(
                "soft cap 30, smoothing",
                options.withSoftcap(30).withLabelSmoothing(0.1),
                inputs,
                crossEntropy(capped, "label_smoothing=0.1")));
        all.add(new OptionCase("logit scale", options.withLogitScale(0.7f), inputs, crossEntropy("0.7 * logits")));
        all.add(new OptionCase(
                "logit scales",
                options,
                inputs.withLogitScales(tokenFactors),
                crossEntropy("torch.unsqueeze(logit_scales, 1) * logits")));
        all.add(new OptionCase(
                "soft targets",
                options.withSoftTargets(SoftTargets.of(TAUGHT)),
                taught,
                "torch.cross_entropy_loss(logits, soft)"));
        all.add(new OptionCase(
                "half KL divergence",
                options.withSoftTargets(new SoftTargets(TAUGHT, 0.5, Remainder.SCALED, Divergence.KULLBACK_LEIBLER)),
                taught,
                "0.5 * " + plain + " + 0.5 * torch.kl_div(torch.log_softmax(logits, 1),"
                        + " soft / torch.sum(soft, [1], True), 2) / torch.len(targets)"));
        all.add(new OptionCase("bfloat16 W and X", options, halves, plain));
        all.add(new OptionCase("upstream", apart, inputs.withUpstream(upstream), crossEntropy("logits", APART)));
        all.add(new OptionCase(
                "log-probability upstream",
                apart,
                inputs.withLogProbabilityUpstream(upstream),
                "-" + crossEntropy("logits", APART)));
        all.add(new OptionCase(
                "entropy upstream",
                apart,
                inputs.withEntropyUpstream(upstream),
                "-torch.sum(torch.softmax(logits, 1) * torch.log_softmax(logits, 1), [1])"));
        return all;
    }

    private static String crossEntropy(String logits, String... more) {
        return "torch.cross_entropy_loss(" + logits + ", targets" + (more.length == 0 ? "" : ", ")
                + String.join(", ", more) + ")";
    }

    /** The inputs with a teacher's probabilities: the target and others, less than 1 together. */
    private static HeadInputs taught(Arena arena, HeadInputs inputs, RandomGenerator random) {
        Ints rows = Ints.allocate(arena, TOKENS * TAUGHT);
        Matrix probabilities = Matrix.allocate(arena, TOKENS, TAUGHT);
        for (int t = 0; t < TOKENS; t++) {
            for (int j = 0; j < TAUGHT; j++) {
                rows.set(t * TAUGHT + j, (inputs.targets().get(t) + j * j) % VOCABULARY);
                probabilities.set(t, j, (0.5f + 0.4f * random.nextFloat()) / (1 << j + 1));
            }
        }
        return inputs.withSoftTargets(rows, probabilities);
    }

    /** Random factors from 1/2 to 3/2. */
    private static Matrix factors(Arena arena, int count, RandomGenerator random) {
        Matrix row = Matrix.allocate(arena, 1, count);
        for (int i = 0; i < count; i++) {
            row.set(0, i, 0.5f + random.nextFloat());
        }
        return row;
    }

    /** The result that PyTorch's expression gives, and begins the gradients with. */
    Result value() {
        if (inputs.entropyUpstream() != null) {
            return Result.ENTROPIES;
        }
        if (inputs.logProbabilityUpstream() != null) {
            return Result.LOG_PROBABILITIES;
        }
        return options.reduction() == Reduction.NONE ? Result.LOSSES : Result.LOSS;
    }

    /** The gradient with respect to that; null for a loss. */
    Matrix upstream() {
        return switch (value()) {
            case ENTROPIES -> inputs.entropyUpstream();
            case LOG_PROBABILITIES -> inputs.logProbabilityUpstream();
            case LOSSES -> inputs.upstream();
            default -> null;
        };
    }

    /** PyTorch's expression as the body of a function of the inputs. */
    String torchFunction() {
        String logits = "torch.linear(hidden, weight" + (inputs.bias() == null ? "" : ", bias") + ")";
        return "logits = " + logits + "\nreturn " + torch;
    }
}
