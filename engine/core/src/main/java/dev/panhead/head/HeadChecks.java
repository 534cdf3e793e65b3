package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.optim.SliceUpdate;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;

/** What is checked before a call of the head reads or writes anything. Holds the operands' names side by side, to compare all pairs. */
final class HeadChecks {

    private static final String[] INPUTS = {
        "hidden",
        "weight",
        "bias",
        "token weights",
        "class weights",
        "logit scales",
        "upstream",
        "log-probability upstream",
        "entropy upstream"
    };

    private static final String[] OUTPUTS = {
        "losses",
        "log-probabilities",
        "log-sum-exps",
        "entropies",
        "hidden gradient",
        "weight gradient",
        "bias gradient"
    };

    private final Workers workers;
    private final int maxTokens;
    private final int vocabulary;
    private final int width;
    private final HeadOptions options;
    private final ReadableMatrix[] read = new ReadableMatrix[INPUTS.length];
    private final Matrix[] written = new Matrix[OUTPUTS.length];

    HeadChecks(Workers workers, int maxTokens, int vocabulary, int width, HeadOptions options) {
        this.workers = workers;
        this.maxTokens = maxTokens;
        this.vocabulary = vocabulary;
        this.width = width;
        this.options = options;
    }

    /** Checks everything, and returns how many tokens count. */
    int check(HeadInputs inputs, HeadOutputs outputs) {
        try {
            collect(inputs, outputs);
            checkShapes(inputs, outputs);
            checkApart(inputs, outputs);
            checkUpstream(inputs, outputs);
            checkUpdate(inputs, outputs);
            return countTokens(inputs);
        } finally {
            java.util.Arrays.fill(read, null);
            java.util.Arrays.fill(written, null);
        }
    }

    private void collect(HeadInputs inputs, HeadOutputs outputs) {
        read[0] = inputs.hidden();
        read[1] = inputs.weight();
        read[2] = inputs.bias();
        read[3] = inputs.tokenWeights();
        read[4] = inputs.classWeights();
        read[5] = inputs.logitScales();
        read[6] = inputs.upstream();
        read[7] = inputs.logProbabilityUpstream();
        read[8] = inputs.entropyUpstream();
        written[0] = outputs.losses();
        written[1] = outputs.logProbabilities();
        written[2] = outputs.logSumExps();
        written[3] = outputs.entropies();
        written[4] = into(outputs.hidden());
        written[5] = into(outputs.weight());
        written[6] = into(outputs.bias());
    }

    private static Matrix into(Gradient gradient) {
        return gradient == null ? null : gradient.into();
    }

    private void checkShapes(HeadInputs inputs, HeadOutputs outputs) {
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
        for (int i = 0; i < INPUTS.length; i++) {
            if (read[i] != null) {
                boolean matrix = i < 2;
                boolean ofVocabulary = i == 1 || i == 2 || i == 4;
                int rows = !matrix ? 1 : ofVocabulary ? vocabulary : tokens;
                read[i].requireShape(INPUTS[i], rows, matrix ? width : ofVocabulary ? vocabulary : tokens);
                workers.requireReadable(INPUTS[i], read[i].segment());
            }
        }
        workers.requireReadable("targets", inputs.targets().segment());
        for (int i = 0; i < OUTPUTS.length; i++) {
            if (written[i] != null) {
                boolean ofVocabulary = i > 4;
                int rows = i == 4 ? tokens : i == 5 ? vocabulary : 1;
                int columns = i == 4 || i == 5 ? width : ofVocabulary ? vocabulary : tokens;
                written[i].requireShape(OUTPUTS[i], rows, columns);
                workers.requireWritable(OUTPUTS[i], written[i].segment());
            }
        }
        checkInts("predictions", outputs.predictions(), tokens);
        checkInts("ranks", outputs.ranks(), tokens);
    }

    private void checkInts(String name, Ints output, int tokens) {
        if (output == null) {
            return;
        }
        if (output.size() != tokens) {
            throw new IllegalArgumentException(name + " must be " + tokens + ", but are " + output.size());
        }
        workers.requireWritable(name, output.segment());
    }

    /** An output shares memory neither with an input nor with another output. */
    private void checkApart(HeadInputs inputs, HeadOutputs outputs) {
        for (int i = 0; i < OUTPUTS.length; i++) {
            if (written[i] != null) {
                for (int j = 0; j < INPUTS.length; j++) {
                    written[i].requireApart(OUTPUTS[i], INPUTS[j], read[j]);
                }
                written[i].requireApart(OUTPUTS[i], "targets", inputs.targets());
                for (int j = 0; j < i; j++) {
                    written[i].requireApart(OUTPUTS[i], OUTPUTS[j], written[j]);
                }
            }
        }
        checkApart("predictions", outputs.predictions(), inputs.targets());
        checkApart("ranks", outputs.ranks(), inputs.targets());
        if (outputs.ranks() != null && outputs.predictions() != null) {
            outputs.ranks().requireApart("ranks", "predictions", outputs.predictions());
        }
    }

    private void checkApart(String name, Ints output, Ints targets) {
        if (output == null) {
            return;
        }
        output.requireApart(name, "targets", targets);
        for (int i = 0; i < INPUTS.length; i++) {
            if (read[i] != null) {
                read[i].requireApart(INPUTS[i], name, output);
            }
        }
        for (int i = 0; i < OUTPUTS.length; i++) {
            if (written[i] != null) {
                written[i].requireApart(OUTPUTS[i], name, output);
            }
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
        if (!options.fusedUpdate()) {
            throw new IllegalArgumentException(
                    "this head was not planned for an update of the weight; see HeadOptions.withFusedUpdate");
        }
        if (outputs.weight() != null) {
            throw new IllegalArgumentException(
                    "the weight's gradient is either written or made an update of; here it is to be both");
        }
        Matrix parameters = update.updated().getFirst();
        if (!(inputs.weight() instanceof Matrix weight)
                || weight.segment().address() != parameters.segment().address()
                || weight.rowStride() != parameters.rowStride()
                || parameters.rows() != vocabulary
                || parameters.columns() != width) {
            throw new IllegalArgumentException(
                    "the update is of " + parameters + ", which is not the weight that is read, " + inputs.weight());
        }
        for (int i = 0; i < update.updated().size(); i++) {
            String name = i == 0 ? "updated weight" : "optimizer's state";
            Matrix matrix = update.updated().get(i);
            workers.requireWritable(name, matrix.segment());
            matrix.requireApart(name, "targets", inputs.targets());
            for (int j = 0; j < INPUTS.length; j++) {
                if (j != 1) { // the weight itself
                    matrix.requireApart(name, INPUTS[j], read[j]);
                }
            }
            for (int j = 0; j < OUTPUTS.length; j++) {
                matrix.requireApart(name, OUTPUTS[j], written[j]);
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
        int kept = 0;
        for (int t = 0; t < inputs.targets().size(); t++) {
            if (!inputs.counts(t, options.ignoreIndex())) {
                continue;
            }
            checkTarget(inputs, t);
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
