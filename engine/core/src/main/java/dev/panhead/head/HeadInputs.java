package dev.panhead.head;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.util.BitSet;
import java.util.Objects;

/**
 * What a head reads, in the letters T tokens, d hidden width, V vocabulary. Immutable, and made of views: made once, they serve every step
 * whose data lies in the same place. Shapes and values are checked by the head.
 */
public final class HeadInputs {

    private final ReadableMatrix hidden;
    private final ReadableMatrix weight;
    private final Ints targets;

    // Set only in a copy that nobody else has seen.
    private Matrix bias;
    private BitSet mask;
    private Matrix tokenWeights;
    private Matrix classWeights;
    private Matrix logitScales;
    private Ints softTargets;
    private Matrix softProbabilities;
    private double divisor;
    private Matrix upstream;
    private Matrix logProbabilityUpstream;
    private Matrix entropyUpstream;

    private HeadInputs(ReadableMatrix hidden, ReadableMatrix weight, Ints targets) {
        this.hidden = Objects.requireNonNull(hidden, "hidden");
        this.weight = Objects.requireNonNull(weight, "weight");
        this.targets = Objects.requireNonNull(targets, "targets");
    }

    /**
     * Hidden states, weight and targets, and nothing else.
     *
     * @param hidden X, T x d; of 16-bit floats or float32
     * @param weight W, V x d, one row per vocabulary entry; of 16-bit floats or float32
     * @param targets a_t, T of them: a vocabulary row or the ignore index
     */
    public static HeadInputs of(ReadableMatrix hidden, ReadableMatrix weight, Ints targets) {
        return new HeadInputs(hidden, weight, targets);
    }

    private HeadInputs copy() {
        HeadInputs copy = new HeadInputs(hidden, weight, targets);
        copy.bias = bias;
        copy.mask = mask;
        copy.tokenWeights = tokenWeights;
        copy.classWeights = classWeights;
        copy.logitScales = logitScales;
        copy.softTargets = softTargets;
        copy.softProbabilities = softProbabilities;
        copy.divisor = divisor;
        copy.upstream = upstream;
        copy.logProbabilityUpstream = logProbabilityUpstream;
        copy.entropyUpstream = entropyUpstream;
        return copy;
    }

    /** These inputs with a bias, 1 x V; -infinity takes an entry out of the vocabulary; or null for none. */
    public HeadInputs withBias(Matrix bias) {
        HeadInputs copy = copy();
        copy.bias = bias;
        return copy;
    }

    /**
     * These inputs with the tokens that count, or null for all; the others are ignored, whatever their targets. The set must not change
     * during a call.
     */
    public HeadInputs withMask(BitSet mask) {
        HeadInputs copy = copy();
        copy.mask = mask;
        return copy;
    }

    /** These inputs with w_t, 1 x T, what a token's loss is multiplied by in the sum or mean, not negative; or null for none. */
    public HeadInputs withTokenWeights(Matrix tokenWeights) {
        HeadInputs copy = copy();
        copy.tokenWeights = tokenWeights;
        return copy;
    }

    /** These inputs with c_v, 1 x V, what a target's loss is multiplied by, not negative; or null for none. */
    public HeadInputs withClassWeights(Matrix classWeights) {
        HeadInputs copy = copy();
        copy.classWeights = classWeights;
        return copy;
    }

    /** These inputs with what each token's logits are multiplied by, 1 x T, positive: 1 / temperature; or null for none. */
    public HeadInputs withLogitScales(Matrix logitScales) {
        HeadInputs copy = copy();
        copy.logitScales = logitScales;
        return copy;
    }

    /**
     * These inputs with a teacher's distributions; the head's options {@linkplain HeadOptions#withSoftTargets say} how they count.
     *
     * @param softTargets k vocabulary rows of each token, T * k of them, a token's different from each other; -1 for none
     * @param softProbabilities q_t of these rows, T x k, not negative, a token's sum at most 1 (1.001, for roundings) unless they are scaled to it; those of -1
     *     are not read
     */
    public HeadInputs withSoftTargets(Ints softTargets, Matrix softProbabilities) {
        HeadInputs copy = copy();
        copy.softTargets = Objects.requireNonNull(softTargets, "softTargets");
        copy.softProbabilities = Objects.requireNonNull(softProbabilities, "softProbabilities");
        return copy;
    }

    /**
     * These inputs with what {@link Reduction#MEAN} divides by, as the number of tokens of all micro-batches; 0 for the sum of w_t c_a
     * over the call's tokens.
     *
     * @throws IllegalArgumentException if it is negative or not finite
     */
    public HeadInputs withDivisor(double divisor) {
        if (!(divisor >= 0 && divisor < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("divisor must be finite and not negative, but is " + divisor);
        }
        if (divisor > 0 && Float.isInfinite((float) (1 / divisor))) {
            throw new IllegalArgumentException(
                    "divisor must be 0 or large enough for its inverse to be a float32, but is " + divisor);
        }
        HeadInputs copy = copy();
        copy.divisor = divisor;
        return copy;
    }

    /** These inputs with dL/dl_t, 1 x T, for {@link Reduction#NONE} with gradients; or null for none. */
    public HeadInputs withUpstream(Matrix upstream) {
        HeadInputs copy = copy();
        copy.upstream = upstream;
        return copy;
    }

    /** These inputs with dL/d(log p_t(a_t)), 1 x T, for {@link Reduction#NONE}, beside or instead of {@link #upstream()}; or null for none. */
    public HeadInputs withLogProbabilityUpstream(Matrix logProbabilityUpstream) {
        HeadInputs copy = copy();
        copy.logProbabilityUpstream = logProbabilityUpstream;
        return copy;
    }

    /** These inputs with dL/dH_t of the entropies H_t, 1 x T, for {@link Reduction#NONE}, beside or instead of the others; or null for none. */
    public HeadInputs withEntropyUpstream(Matrix entropyUpstream) {
        HeadInputs copy = copy();
        copy.entropyUpstream = entropyUpstream;
        return copy;
    }

    /** X, hidden states, T x d. */
    public ReadableMatrix hidden() {
        return hidden;
    }

    /** W, V x d. */
    public ReadableMatrix weight() {
        return weight;
    }

    /** a_t, T of them. */
    public Ints targets() {
        return targets;
    }

    /** b, 1 x V, or null. */
    public Matrix bias() {
        return bias;
    }

    /** The tokens that count, or null for all. */
    public BitSet mask() {
        return mask;
    }

    /** w_t, 1 x T, or null for 1. */
    public Matrix tokenWeights() {
        return tokenWeights;
    }

    /** c_v, 1 x V, or null for 1. */
    public Matrix classWeights() {
        return classWeights;
    }

    /** 1 x T, or null for 1. */
    public Matrix logitScales() {
        return logitScales;
    }

    /** The teacher's vocabulary rows, T * k of them, or null. */
    public Ints softTargets() {
        return softTargets;
    }

    /** Their probabilities, T x k, or null. */
    public Matrix softProbabilities() {
        return softProbabilities;
    }

    /** What the mean divides by, or 0 for the sum of the weights. */
    public double divisor() {
        return divisor;
    }

    /** dL/dl_t, 1 x T, or null. */
    public Matrix upstream() {
        return upstream;
    }

    /** dL/d(log p_t(a_t)), 1 x T, or null. */
    public Matrix logProbabilityUpstream() {
        return logProbabilityUpstream;
    }

    /** dL/dH_t, 1 x T, or null. */
    public Matrix entropyUpstream() {
        return entropyUpstream;
    }

    /** Whether a token counts: its target is not the ignore index, and the mask does not leave it out. */
    boolean counts(int token, int ignoreIndex) {
        return targets.get(token) != ignoreIndex && (mask == null || mask.get(token));
    }

    double tokenWeight(int token) {
        return tokenWeights == null ? 1 : tokenWeights.get(0, token);
    }

    float logitScale(int token) {
        return logitScales == null ? 1 : logitScales.get(0, token);
    }

    double classWeight(int row) {
        return classWeights == null ? 1 : classWeights.get(0, row);
    }
}
