package dev.panhead.head;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.util.Objects;

/**
 * What a head writes beside the loss, each of it optional, all of it the caller's memory. T tokens, d hidden width, V vocabulary; p is
 * the softmax of the (scaled) logits u. An ignored token's figures are 0, its prediction -1.
 *
 * @param losses l_t, 1 x T, or null
 * @param logProbabilities log p_t(a_t) = u_a - lse_t, 1 x T, or null
 * @param logSumExps lse_t, 1 x T, or null
 * @param entropies - sum over v of p_t(v) log p_t(v), in nats, 1 x T, or null
 * @param predictions the vocabulary row of the largest logit, the first one of equals, T of them, or null
 * @param ranks 1 + the number of logits that are larger than the target's, T of them, or null
 * @param hidden where dL/dX goes, T x d, or null
 * @param weight where dL/dW goes, V x d, or null
 * @param bias where dL/db goes, 1 x V, or null
 */
public record HeadOutputs(
        Matrix losses,
        Matrix logProbabilities,
        Matrix logSumExps,
        Matrix entropies,
        Ints predictions,
        Ints ranks,
        Gradient hidden,
        Gradient weight,
        Gradient bias) {

    /** Nothing but the loss. */
    public static final HeadOutputs NONE = new HeadOutputs(null, null, null, null, null, null, null, null, null);

    /**
     * A place for a gradient.
     *
     * @param into the caller's memory
     * @param accumulate whether the gradient is added to what {@code into} holds, or takes its place
     */
    public record Gradient(Matrix into, boolean accumulate) {
        /** Checks that there is a place. */
        public Gradient {
            Objects.requireNonNull(into, "into");
        }

        /** The gradient takes the place of what is there. */
        public static Gradient write(Matrix into) {
            return new Gradient(into, false);
        }

        /** The gradient is added to what is there. */
        public static Gradient add(Matrix into) {
            return new Gradient(into, true);
        }
    }

    /** The gradients of hidden states and weight, written. */
    public static HeadOutputs gradients(Matrix hidden, Matrix weight) {
        return NONE.withHidden(Gradient.write(hidden)).withWeight(Gradient.write(weight));
    }

    /** These outputs and the loss of each token, 1 x T. */
    public HeadOutputs withLosses(Matrix losses) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and the log-probability of each token's target, 1 x T. */
    public HeadOutputs withLogProbabilities(Matrix logProbabilities) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and the log-sum-exp of each token, 1 x T. */
    public HeadOutputs withLogSumExps(Matrix logSumExps) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and the entropy of each token, 1 x T. */
    public HeadOutputs withEntropies(Matrix entropies) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and the likeliest vocabulary row of each token. */
    public HeadOutputs withPredictions(Ints predictions) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and the rank of each token's target. */
    public HeadOutputs withRanks(Ints ranks) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and dL/dX. */
    public HeadOutputs withHidden(Gradient hidden) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and dL/dW. */
    public HeadOutputs withWeight(Gradient weight) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** These outputs and dL/db. */
    public HeadOutputs withBias(Gradient bias) {
        return new HeadOutputs(
                losses, logProbabilities, logSumExps, entropies, predictions, ranks, hidden, weight, bias);
    }

    /** Whether any gradient is asked for. */
    public boolean wantsGradients() {
        return hidden != null || weight != null || bias != null;
    }
}
