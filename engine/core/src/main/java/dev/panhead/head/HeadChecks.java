package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.optim.SliceUpdate;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** What is checked before a call of the head reads or writes anything. */
final class HeadChecks {

    /** T, d, V, and the options' numbers of top rows and of soft targets. */
    private enum Shape {
        TOKENS_BY_WIDTH,
        VOCABULARY_BY_WIDTH,
        TOKENS,
        VOCABULARY,
        TOKENS_BY_TOP,
        TOKENS_BY_SOFT
    }

    /** A matrix or ints among the inputs or outputs; null if it is not there. */
    private record Operand<S>(String name, Shape shape, Function<S, Object> of) {}

    private static final Operand<HeadInputs> WEIGHT =
            new Operand<>("weight", Shape.VOCABULARY_BY_WIDTH, HeadInputs::weight);

    private static final List<Operand<HeadInputs>> INPUTS = List.of(
            new Operand<>("hidden", Shape.TOKENS_BY_WIDTH, HeadInputs::hidden),
            WEIGHT,
            new Operand<>("targets", Shape.TOKENS, HeadInputs::targets),
            new Operand<>("bias", Shape.VOCABULARY, HeadInputs::bias),
            new Operand<>("token weights", Shape.TOKENS, HeadInputs::tokenWeights),
            new Operand<>("class weights", Shape.VOCABULARY, HeadInputs::classWeights),
            new Operand<>("logit scales", Shape.TOKENS, HeadInputs::logitScales),
            new Operand<>("soft targets", Shape.TOKENS_BY_SOFT, HeadInputs::softTargets),
            new Operand<>("soft targets' probabilities", Shape.TOKENS_BY_SOFT, HeadInputs::softProbabilities),
            new Operand<>("upstream", Shape.TOKENS, HeadInputs::upstream),
            new Operand<>("log-probability upstream", Shape.TOKENS, HeadInputs::logProbabilityUpstream),
            new Operand<>("entropy upstream", Shape.TOKENS, HeadInputs::entropyUpstream));

    private static final List<Operand<HeadOutputs>> OUTPUTS = List.of(
            new Operand<>("losses", Shape.TOKENS, HeadOutputs::losses),
            new Operand<>("log-probabilities", Shape.TOKENS, HeadOutputs::logProbabilities),
            new Operand<>("log-sum-exps", Shape.TOKENS, HeadOutputs::logSumExps),
            new Operand<>("entropies", Shape.TOKENS, HeadOutputs::entropies),
            new Operand<>("top log-probabilities", Shape.TOKENS_BY_TOP, HeadOutputs::topLogProbabilities),
            new Operand<>("tail masses", Shape.TOKENS, HeadOutputs::tailMasses),
            new Operand<>("hidden gradient", Shape.TOKENS_BY_WIDTH, outputs -> into(outputs.hidden())),
            new Operand<>("weight gradient", Shape.VOCABULARY_BY_WIDTH, outputs -> into(outputs.weight())),
            new Operand<>("bias gradient", Shape.VOCABULARY, outputs -> into(outputs.bias())),
            new Operand<>("predictions", Shape.TOKENS, HeadOutputs::predictions),
            new Operand<>("ranks", Shape.TOKENS, HeadOutputs::ranks),
            new Operand<>("top rows", Shape.TOKENS_BY_TOP, HeadOutputs::topRows));

    private final Workers workers;
    private final int maxTokens;
    private final int vocabulary;
    private final int width;
    private final HeadOptions options;

    /** 1 + the last token that had a vocabulary row among its soft targets; null without. */
    private final int[] lastToken;

    HeadChecks(Workers workers, int maxTokens, int vocabulary, int width, HeadOptions options) {
        this.workers = workers;
        this.maxTokens = maxTokens;
        this.vocabulary = vocabulary;
        this.width = width;
        this.options = options;
        lastToken = options.softTargets() == null ? null : new int[vocabulary];
    }

    /** Checks everything, and returns how many tokens count. */
    int check(HeadInputs inputs, HeadOutputs outputs) {
        checkPlan(inputs, outputs);
        checkShapes(inputs, outputs);
        checkApart(inputs, outputs);
        checkUpstream(inputs, outputs);
        checkUpdate(inputs, outputs);
        return countTokens(inputs);
    }

    private static Matrix into(Gradient gradient) {
        return gradient == null ? null : gradient.into();
    }

    /** What the head's memory was planned for. */
    private void checkPlan(HeadInputs inputs, HeadOutputs outputs) {
        int tokens = inputs.hidden().rows();
        if (tokens > maxTokens) {
            throw new IllegalArgumentException(
                    "this head was planned for at most " + maxTokens + " tokens, but hidden has " + tokens);
        }
        if (inputs.targets().size() != tokens) {
            throw new IllegalArgumentException("hidden has " + tokens + " tokens, but there are "
                    + inputs.targets().size() + " targets");
        }
        if (inputs.mask() != null && inputs.mask().length() > tokens) {
            throw new IllegalArgumentException("hidden has " + tokens + " tokens, but the mask counts token "
                    + (inputs.mask().length() - 1));
        }
        if (options.topK() == 0 && outputs.wantsTop()) {
            throw new IllegalArgumentException("this head was not planned for top rows; see HeadOptions.withTopK");
        }
        if (outputs.weightUpdate() != null && !options.fusedUpdate()) {
            throw new IllegalArgumentException(
                    "this head was not planned for an update of the weight; see HeadOptions.withFusedUpdate");
        }
        if ((inputs.softTargets() == null) != (options.softTargets() == null)) {
            throw new IllegalArgumentException(
                    options.softTargets() == null
                            ? "this head was not planned for soft targets; see HeadOptions.withSoftTargets"
                            : "this head was planned for soft targets, but there are none");
        }
    }

    private void checkShapes(HeadInputs inputs, HeadOutputs outputs) {
        int tokens = inputs.hidden().rows();
        for (int i = 0; i < INPUTS.size(); i++) {
            Operand<HeadInputs> operand = INPUTS.get(i);
            Object input = operand.of().apply(inputs);
            if (input != null) {
                requireShape(operand.name(), input, operand.shape(), tokens);
                workers.requireReadable(operand.name(), segment(input));
            }
        }
        for (int i = 0; i < OUTPUTS.size(); i++) {
            Operand<HeadOutputs> operand = OUTPUTS.get(i);
            Object output = operand.of().apply(outputs);
            if (output != null) {
                requireShape(operand.name(), output, operand.shape(), tokens);
                workers.requireWritable(operand.name(), segment(output));
            }
        }
    }

    private void requireShape(String name, Object operand, Shape shape, int tokens) {
        int rows =
                switch (shape) {
                    case TOKENS_BY_WIDTH, TOKENS_BY_TOP, TOKENS_BY_SOFT -> tokens;
                    case VOCABULARY_BY_WIDTH -> vocabulary;
                    case TOKENS, VOCABULARY -> 1;
                };
        int columns =
                switch (shape) {
                    case TOKENS_BY_WIDTH, VOCABULARY_BY_WIDTH -> width;
                    case TOKENS -> tokens;
                    case VOCABULARY -> vocabulary;
                    case TOKENS_BY_TOP -> options.topK();
                    case TOKENS_BY_SOFT -> options.softTargets().entries();
                };
        if (operand instanceof ReadableMatrix matrix) {
            matrix.requireShape(name, rows, columns);
        } else if (((Ints) operand).size() != (long) rows * columns) {
            throw new IllegalArgumentException(
                    name + " must be " + (long) rows * columns + ", but are " + ((Ints) operand).size());
        }
    }

    private static MemorySegment segment(Object operand) {
        return operand instanceof ReadableMatrix matrix ? matrix.segment() : ((Ints) operand).segment();
    }

    /** An output shares memory neither with an input nor with another output. */
    private void checkApart(HeadInputs inputs, HeadOutputs outputs) {
        for (int i = 0; i < OUTPUTS.size(); i++) {
            String name = OUTPUTS.get(i).name();
            Object output = OUTPUTS.get(i).of().apply(outputs);
            for (int j = 0; j < INPUTS.size(); j++) {
                requireApart(
                        name, output, INPUTS.get(j).name(), INPUTS.get(j).of().apply(inputs));
            }
            for (int j = 0; j < i; j++) {
                requireApart(
                        name, output, OUTPUTS.get(j).name(), OUTPUTS.get(j).of().apply(outputs));
            }
        }
    }

    private static void requireApart(String name, Object one, String otherName, Object other) {
        if (one == null || other == null) {
            return;
        }
        if (one instanceof Matrix matrix) {
            if (other instanceof ReadableMatrix readable) {
                matrix.requireApart(name, otherName, readable);
            } else {
                matrix.requireApart(name, otherName, (Ints) other);
            }
        } else if (other instanceof ReadableMatrix readable) {
            readable.requireApart(otherName, name, (Ints) one);
        } else {
            ((Ints) one).requireApart(name, otherName, (Ints) other);
        }
    }

    private void checkUpstream(HeadInputs inputs, HeadOutputs outputs) {
        boolean apart = options.reduction() == Reduction.NONE;
        boolean upstream = inputs.upstream() != null
                || inputs.logProbabilityUpstream() != null
                || inputs.entropyUpstream() != null;
        if (apart && outputs.wantsGradients() && !upstream) {
            throw new IllegalArgumentException("reduction NONE needs an upstream gradient per token to give gradients");
        }
        if (!apart && upstream) {
            throw new IllegalArgumentException(
                    "an upstream gradient per token goes with reduction NONE, but it is " + options.reduction());
        }
        if (apart && inputs.tokenWeights() != null) {
            throw new IllegalArgumentException(
                    "token weights go with reduction SUM or MEAN; with NONE, the upstream gradients weigh the tokens");
        }
        if (options.reduction() != Reduction.MEAN && inputs.divisor() != 0) {
            throw new IllegalArgumentException("a divisor goes with reduction MEAN, but it is " + options.reduction());
        }
    }

    /** An update of the weight is of the weight that is read, and shares no memory with anything else. */
    private void checkUpdate(HeadInputs inputs, HeadOutputs outputs) {
        SliceUpdate update = outputs.weightUpdate();
        if (update == null) {
            return;
        }
        if (outputs.weight() != null) {
            throw new IllegalArgumentException(
                    "the weight's gradient is either written or made an update of; here it is to be both");
        }
        Matrix parameters = update.updated().getFirst();
        if (!(inputs.weight() instanceof Matrix weight)
                || weight.segment().address() != parameters.segment().address()
                || vocabulary > 1 && weight.rowStride() != parameters.rowStride()
                || parameters.rows() != vocabulary
                || parameters.columns() != width) {
            throw new IllegalArgumentException("the update is of " + parameters
                    + ", which is not, or lies elsewhere than, the weight that is read, " + inputs.weight());
        }
        for (int i = 0; i < update.updated().size(); i++) {
            String name = i == 0 ? "updated weight" : "optimizer's state";
            Matrix matrix = update.updated().get(i);
            workers.requireWritable(name, matrix.segment());
            for (int j = 0; j < INPUTS.size(); j++) {
                if (INPUTS.get(j) != WEIGHT) {
                    requireApart(
                            name,
                            matrix,
                            INPUTS.get(j).name(),
                            INPUTS.get(j).of().apply(inputs));
                }
            }
            for (int j = 0; j < OUTPUTS.size(); j++) {
                requireApart(
                        name, matrix, OUTPUTS.get(j).name(), OUTPUTS.get(j).of().apply(outputs));
            }
        }
        update.requirePrepared();
    }

    /** Checks every token that counts, and returns how many they are. */
    private int countTokens(HeadInputs inputs) {
        for (int v = 0; inputs.classWeights() != null && v < vocabulary; v++) {
            float weight = inputs.classWeights().get(0, v);
            require(weight >= 0 && weight < Float.POSITIVE_INFINITY, "class weight of row ", v, weight);
        }
        if (lastToken != null) {
            Arrays.fill(lastToken, 0);
        }
        int kept = 0;
        for (int t = 0; t < inputs.targets().size(); t++) {
            if (!inputs.counts(t, options.ignoreIndex())) {
                continue;
            }
            checkTarget(inputs, t);
            if (options.softTargets() != null) {
                checkSoftTargets(inputs, t);
            }
            float scale = inputs.logitScale(t);
            require(scale > 0 && scale < Float.POSITIVE_INFINITY, "logit scale of token ", t, scale);
            float both = options.logitScale() * scale;
            require(
                    both >= Float.MIN_NORMAL && both < Float.POSITIVE_INFINITY,
                    "logit scale, with the options', of token ",
                    t,
                    both);
            float inverse = options.softcap() > 0 ? 1 / (both * options.softcap()) : 1;
            require(inverse < Float.POSITIVE_INFINITY, "inverse of scale times softcap of token ", t, inverse);
            double weight = inputs.tokenWeight(t);
            require(weight >= 0 && weight < Float.POSITIVE_INFINITY, "weight of token ", t, (float) weight);
            requireFinite("upstream gradient of token ", inputs.upstream(), t);
            requireFinite("log-probability's upstream gradient of token ", inputs.logProbabilityUpstream(), t);
            requireFinite("entropy's upstream gradient of token ", inputs.entropyUpstream(), t);
            kept++;
        }
        return kept;
    }

    private void checkTarget(HeadInputs inputs, int token) {
        int target = inputs.targets().get(token);
        if (target < 0 || target >= vocabulary) {
            throw new IndexOutOfBoundsException("the target of token " + token + " is " + target
                    + ", which is neither a row of the vocabulary of " + vocabulary + " nor the ignore index "
                    + options.ignoreIndex());
        }
        if (inputs.bias() != null && inputs.bias().get(0, target) == Float.NEGATIVE_INFINITY) {
            throw new IllegalArgumentException("the target of token " + token + " is " + target
                    + ", which a bias of -Infinity has taken out of the vocabulary");
        }
    }

    private void checkSoftTargets(HeadInputs inputs, int token) {
        int k = options.softTargets().entries();
        for (int j = 0; j < k; j++) {
            int row = inputs.softTargets().get(token * k + j);
            if (row == -1) {
                continue;
            }
            if (row < 0 || row >= vocabulary) {
                throw new IndexOutOfBoundsException("a soft target of token " + token + " is " + row
                        + ", which is neither a row of the vocabulary of " + vocabulary + " nor -1");
            }
            if (lastToken[row] == token + 1) {
                throw new IllegalArgumentException("two soft targets of token " + token + " are " + row);
            }
            lastToken[row] = token + 1;
            float probability = inputs.softProbabilities().get(token, j);
            require(
                    probability >= 0 && probability < Float.POSITIVE_INFINITY,
                    "probability of a soft target of token ",
                    token,
                    probability);
            if (probability > 0 && inputs.bias() != null && inputs.bias().get(0, row) == Float.NEGATIVE_INFINITY) {
                throw new IllegalArgumentException("a soft target of token " + token + " is " + row
                        + ", which a bias of -Infinity has taken out of the vocabulary");
            }
        }
        double sum = SoftEntries.sum(inputs, token, k);
        boolean scaled = options.softTargets().remainder() == SoftTargets.Remainder.SCALED;
        require(
                scaled ? sum > 0 : sum <= SoftEntries.MOST,
                "sum of the soft targets' probabilities of token ",
                token,
                (float) sum);
    }

    private static void requireFinite(String name, Matrix values, int token) {
        float value = values == null ? 0 : values.get(0, token);
        require(Float.isFinite(value), name, token, value);
    }

    private static void require(boolean holds, String name, int index, float value) {
        if (!holds) {
            throw new IllegalArgumentException("the " + name + index + " is " + value);
        }
    }
}
