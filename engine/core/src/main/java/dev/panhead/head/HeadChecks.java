package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.Targets;

/** What is checked before a call of the head reads or writes anything. */
final class HeadChecks {

    private HeadChecks() {}

    static void check(
            Workers workers,
            int maxTokens,
            int vocabulary,
            int width,
            HeadOptions options,
            HeadInputs inputs,
            HeadOutputs outputs) {
        int tokens = inputs.hidden().rows();
        if (tokens > maxTokens) {
            throw new IllegalArgumentException(
                    "this head was planned for at most " + maxTokens + " tokens, but hidden has " + tokens);
        }
        checkMatrix(workers, "hidden", inputs.hidden(), tokens, width);
        checkMatrix(workers, "weight", inputs.weight(), vocabulary, width);
        if (inputs.targets().size() != tokens) {
            throw new IllegalArgumentException("hidden has " + tokens + " tokens, but there are "
                    + inputs.targets().size() + " targets");
        }
        checkMatrix(workers, "bias", inputs.bias(), 1, vocabulary);
        workers.requireReadable("targets", inputs.targets().segment());
        checkUpstream(workers, options, inputs, outputs, tokens);
        checkOutput(workers, "losses", outputs.losses(), 1, tokens);
        checkOutput(workers, "hidden gradient", into(outputs.hidden()), tokens, width);
        checkOutput(workers, "weight gradient", into(outputs.weight()), vocabulary, width);
        checkOutput(workers, "bias gradient", into(outputs.bias()), 1, vocabulary);
        checkApart("losses", outputs.losses(), inputs, outputs, 0);
        checkApart("hidden gradient", into(outputs.hidden()), inputs, outputs, 1);
        checkApart("weight gradient", into(outputs.weight()), inputs, outputs, 2);
        checkApart("bias gradient", into(outputs.bias()), inputs, outputs, 3);
    }

    private static void checkUpstream(
            Workers workers, HeadOptions options, HeadInputs inputs, HeadOutputs outputs, int tokens) {
        boolean apart = options.reduction() == Reduction.NONE;
        if (apart && outputs.wantsGradients() && inputs.upstream() == null) {
            throw new IllegalArgumentException("reduction NONE needs an upstream gradient per token to give gradients");
        }
        if (!apart && inputs.upstream() != null) {
            throw new IllegalArgumentException(
                    "an upstream gradient per token goes with reduction NONE, but it is " + options.reduction());
        }
        checkMatrix(workers, "upstream", inputs.upstream(), 1, tokens);
        for (int t = 0; inputs.upstream() != null && t < tokens; t++) {
            float value = inputs.upstream().get(0, t);
            if (!Float.isFinite(value) && inputs.targets().get(t) != options.ignoreIndex()) {
                throw new IllegalArgumentException("the upstream gradient of token " + t + " is " + value);
            }
        }
    }

    private static void checkMatrix(Workers workers, String name, Matrix matrix, int rows, int columns) {
        if (matrix != null) {
            matrix.requireShape(name, rows, columns);
            workers.requireReadable(name, matrix.segment());
        }
    }

    private static void checkOutput(Workers workers, String name, Matrix matrix, int rows, int columns) {
        if (matrix != null) {
            matrix.requireShape(name, rows, columns);
            workers.requireWritable(name, matrix.segment());
        }
    }

    /** An output shares memory neither with an input nor with the outputs named before it. */
    private static void checkApart(String name, Matrix output, HeadInputs inputs, HeadOutputs outputs, int before) {
        if (output == null) {
            return;
        }
        output.requireApart(name, "hidden", inputs.hidden());
        output.requireApart(name, "weight", inputs.weight());
        output.requireApart(name, "targets", inputs.targets());
        output.requireApart(name, "bias", inputs.bias());
        output.requireApart(name, "upstream", inputs.upstream());
        if (before > 0) {
            output.requireApart(name, "losses", outputs.losses());
        }
        if (before > 1) {
            output.requireApart(name, "hidden gradient", into(outputs.hidden()));
        }
        if (before > 2) {
            output.requireApart(name, "weight gradient", into(outputs.weight()));
        }
    }

    private static Matrix into(Gradient gradient) {
        return gradient == null ? null : gradient.into();
    }

    /** Checks every target, and returns how many are not ignored. */
    static int countTargets(HeadInputs inputs, int vocabulary, int ignoreIndex) {
        Targets targets = inputs.targets();
        int kept = 0;
        for (int t = 0; t < targets.size(); t++) {
            int target = targets.get(t);
            if (target == ignoreIndex) {
                continue;
            }
            if (target < 0 || target >= vocabulary) {
                throw new IndexOutOfBoundsException("the target of token " + t + " is " + target
                        + ", which is neither a row of the vocabulary of " + vocabulary + " nor the ignore index "
                        + ignoreIndex);
            }
            if (inputs.bias() != null && inputs.bias().get(0, target) == Float.NEGATIVE_INFINITY) {
                throw new IllegalArgumentException("the target of token " + t + " is " + target
                        + ", which a bias of -Infinity has taken out of the vocabulary");
            }
            kept++;
        }
        return kept;
    }
}
