package dev.panhead.head;

import dev.panhead.optim.SliceUpdate;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.util.Objects;

/**
 * What a head writes beside the loss, each of it optional, all of it the caller's memory. T tokens, d hidden width, V vocabulary; p is
 * the softmax of the (scaled) logits u. An ignored token's figures are 0, its prediction -1. Immutable, and made of views: made once, they
 * serve every step whose results go to the same place.
 */
public final class HeadOutputs {

    /** Nothing but the loss. */
    public static final HeadOutputs NONE = new HeadOutputs();

    // Set only in a copy that nobody else has seen.
    private Matrix losses;
    private Matrix logProbabilities;
    private Matrix logSumExps;
    private Matrix entropies;
    private Ints predictions;
    private Ints ranks;
    private Ints topRows;
    private Matrix topLogProbabilities;
    private Matrix tailMasses;
    private Gradient hidden;
    private Gradient weight;
    private SliceUpdate weightUpdate;
    private Gradient bias;

    private HeadOutputs() {}

    private HeadOutputs copy() {
        HeadOutputs copy = new HeadOutputs();
        copy.losses = losses;
        copy.logProbabilities = logProbabilities;
        copy.logSumExps = logSumExps;
        copy.entropies = entropies;
        copy.predictions = predictions;
        copy.ranks = ranks;
        copy.topRows = topRows;
        copy.topLogProbabilities = topLogProbabilities;
        copy.tailMasses = tailMasses;
        copy.hidden = hidden;
        copy.weight = weight;
        copy.weightUpdate = weightUpdate;
        copy.bias = bias;
        return copy;
    }

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

        /** The gradient is added to what is there. Of micro-batches that together have one mean, each divides by the tokens of all: {@link HeadInputs#withDivisor}. */
        public static Gradient add(Matrix into) {
            return new Gradient(into, true);
        }
    }

    /** The gradients of hidden states and weight, written. */
    public static HeadOutputs gradients(Matrix hidden, Matrix weight) {
        return NONE.withHidden(Gradient.write(hidden)).withWeight(Gradient.write(weight));
    }

    /** These outputs and l_t, the loss of each token, 1 x T; or null for none. */
    public HeadOutputs withLosses(Matrix losses) {
        HeadOutputs copy = copy();
        copy.losses = losses;
        return copy;
    }

    /** These outputs and log p_t(a_t) = u_a - lse_t, the log-probability of each token's target, 1 x T; or null for none. */
    public HeadOutputs withLogProbabilities(Matrix logProbabilities) {
        HeadOutputs copy = copy();
        copy.logProbabilities = logProbabilities;
        return copy;
    }

    /** These outputs and lse_t, the log-sum-exp of each token, 1 x T; or null for none. */
    public HeadOutputs withLogSumExps(Matrix logSumExps) {
        HeadOutputs copy = copy();
        copy.logSumExps = logSumExps;
        return copy;
    }

    /** These outputs and the entropy of each token, - sum over v of p_t(v) log p_t(v), in nats, 1 x T; or null for none. */
    public HeadOutputs withEntropies(Matrix entropies) {
        HeadOutputs copy = copy();
        copy.entropies = entropies;
        return copy;
    }

    /** These outputs and the vocabulary row of the largest logit of each token, the first one of equals, T of them; or null for none. */
    public HeadOutputs withPredictions(Ints predictions) {
        HeadOutputs copy = copy();
        copy.predictions = predictions;
        return copy;
    }

    /** These outputs and 1 + the number of logits that are larger than the target's, T of them; or null for none. */
    public HeadOutputs withRanks(Ints ranks) {
        HeadOutputs copy = copy();
        copy.ranks = ranks;
        return copy;
    }

    /**
     * These outputs and the vocabulary rows of each token's k largest logits, the largest first, of equals the lower row: T * k of them, k
     * being {@link HeadOptions#withTopK the options'}; or null for none. Where the vocabulary has less that are not -infinity, and for
     * ignored tokens, they are -1.
     */
    public HeadOutputs withTopRows(Ints topRows) {
        HeadOutputs copy = copy();
        copy.topRows = topRows;
        return copy;
    }

    /** These outputs and the log-probabilities of the {@linkplain #withTopRows top rows}, T x k, -infinity for rows that are not there; or null for none. */
    public HeadOutputs withTopLogProbabilities(Matrix topLogProbabilities) {
        HeadOutputs copy = copy();
        copy.topLogProbabilities = topLogProbabilities;
        return copy;
    }

    /**
     * These outputs and what of each token's gradient a {@link GradientMode} has rounded at random or left out: the sum of its small
     * entries' sizes, 1 x T; of what is left out no less, and up to 2^-15 of it more; 0 where the gradient is exact or none is asked for; or
     * null for none.
     */
    public HeadOutputs withTailMasses(Matrix tailMasses) {
        HeadOutputs copy = copy();
        copy.tailMasses = tailMasses;
        return copy;
    }

    /** These outputs and dL/dX, T x d; or null for none. */
    public HeadOutputs withHidden(Gradient hidden) {
        HeadOutputs copy = copy();
        copy.hidden = hidden;
        return copy;
    }

    /** These outputs and dL/dW, V x d; or null for none. */
    public HeadOutputs withWeight(Gradient weight) {
        HeadOutputs copy = copy();
        copy.weight = weight;
        return copy;
    }

    /**
     * These outputs and a step of an optimizer on W itself, slice by slice as dL/dW becomes final, in place of a memory for dL/dW; or null
     * for none. The result is that of the step on the whole gradient, to the bit. It wants a head whose options {@linkplain
     * HeadOptions#withFusedUpdate say so}, and a prepared step each time.
     */
    public HeadOutputs withWeightUpdate(SliceUpdate weightUpdate) {
        HeadOutputs copy = copy();
        copy.weightUpdate = weightUpdate;
        return copy;
    }

    /** These outputs and dL/db, 1 x V; or null for none. */
    public HeadOutputs withBias(Gradient bias) {
        HeadOutputs copy = copy();
        copy.bias = bias;
        return copy;
    }

    /** l_t, 1 x T, or null. */
    public Matrix losses() {
        return losses;
    }

    /** log p_t(a_t), 1 x T, or null. */
    public Matrix logProbabilities() {
        return logProbabilities;
    }

    /** lse_t, 1 x T, or null. */
    public Matrix logSumExps() {
        return logSumExps;
    }

    /** Entropies, 1 x T, or null. */
    public Matrix entropies() {
        return entropies;
    }

    /** The rows of the largest logits, T of them, or null. */
    public Ints predictions() {
        return predictions;
    }

    /** Ranks of the targets, T of them, or null. */
    public Ints ranks() {
        return ranks;
    }

    /** The rows of the k largest logits, T * k of them, or null. */
    public Ints topRows() {
        return topRows;
    }

    /** Their log-probabilities, T x k, or null. */
    public Matrix topLogProbabilities() {
        return topLogProbabilities;
    }

    /** What of each token's gradient is rounded or left out, 1 x T, or null. */
    public Matrix tailMasses() {
        return tailMasses;
    }

    /** Where dL/dX goes, T x d, or null. */
    public Gradient hidden() {
        return hidden;
    }

    /** Where dL/dW goes, V x d, or null. */
    public Gradient weight() {
        return weight;
    }

    /** What is done with dL/dW, or null. */
    public SliceUpdate weightUpdate() {
        return weightUpdate;
    }

    /** Where dL/db goes, 1 x V, or null. */
    public Gradient bias() {
        return bias;
    }

    /** Whether top rows or their log-probabilities are asked for. */
    boolean wantsTop() {
        return topRows != null || topLogProbabilities != null;
    }

    /** Whether any gradient is asked for. */
    public boolean wantsGradients() {
        return hidden != null || wantsMore();
    }

    /** Whether any gradient beside the hidden states' is. */
    boolean wantsMore() {
        return weight != null || weightUpdate != null || bias != null;
    }
}
