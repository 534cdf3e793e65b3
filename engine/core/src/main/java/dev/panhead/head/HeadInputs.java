package dev.panhead.head;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.util.BitSet;
import java.util.Objects;

/**
 * What a head reads, in the letters T tokens, d hidden width, V vocabulary. Views: made once, they serve every step whose data
 * lies in the same place.
 *
 * @param hidden X, hidden states, T x d
 * @param weight W, T's scores are {@code W x_t + b}: V x d, one row per vocabulary entry
 * @param bias b, 1 x V, or null for none; -inf takes an entry out of the vocabulary
 * @param targets a_t, T of them: a vocabulary row or the ignore index
 * @param mask the tokens that count, or null for all; the others are ignored, whatever their targets
 * @param tokenWeights w_t, 1 x T, what a token's loss is multiplied by in the sum or mean, not negative; or null for 1
 * @param classWeights c_v, 1 x V, what a target's loss is multiplied by, not negative; or null for 1
 * @param logitScales 1 x T, what a token's logits are multiplied by, positive; or null for 1
 * @param divisor what {@link Reduction#MEAN} divides by, as the number of tokens of all micro-batches; 0 for the sum of w_t c_a over the
 *     call's tokens
 * @param upstream dL/dl_t, 1 x T, for {@link Reduction#NONE} with gradients; else null
 * @param logProbabilityUpstream dL/d(log p_t(a_t)), 1 x T, beside or instead of {@code upstream}; else null
 * @param entropyUpstream dL/dH_t of the entropies H_t, 1 x T, beside or instead of the others; else null
 */
public record HeadInputs(
        Matrix hidden,
        Matrix weight,
        Matrix bias,
        Ints targets,
        BitSet mask,
        Matrix tokenWeights,
        Matrix classWeights,
        Matrix logitScales,
        double divisor,
        Matrix upstream,
        Matrix logProbabilityUpstream,
        Matrix entropyUpstream) {

    /**
     * Checks that what is needed is there; shapes are checked by the head.
     *
     * @throws IllegalArgumentException if {@code divisor} is negative or not finite
     */
    public HeadInputs {
        Objects.requireNonNull(hidden, "hidden");
        Objects.requireNonNull(weight, "weight");
        Objects.requireNonNull(targets, "targets");
        if (!(divisor >= 0 && divisor < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("divisor must be finite and not negative, but is " + divisor);
        }
    }

    /** Hidden states, weight and targets, and nothing else. */
    public static HeadInputs of(Matrix hidden, Matrix weight, Ints targets) {
        return new HeadInputs(hidden, weight, null, targets, null, null, null, null, 0, null, null, null);
    }

    /** These inputs with a bias, 1 x V. */
    public HeadInputs withBias(Matrix bias) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with the tokens that count; the head reads the set, so it must not change during a call. */
    public HeadInputs withMask(BitSet mask) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with a weight per token, 1 x T. */
    public HeadInputs withTokenWeights(Matrix tokenWeights) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with a weight per vocabulary entry, 1 x V. */
    public HeadInputs withClassWeights(Matrix classWeights) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with a logit scale per token, 1 x T, as 1 / temperature. */
    public HeadInputs withLogitScales(Matrix logitScales) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with what the mean divides by. */
    public HeadInputs withDivisor(double divisor) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with an upstream gradient per token's loss, 1 x T. */
    public HeadInputs withUpstream(Matrix upstream) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with an upstream gradient per target's log-probability, 1 x T. */
    public HeadInputs withLogProbabilityUpstream(Matrix logProbabilityUpstream) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** These inputs with an upstream gradient per token's entropy, 1 x T. */
    public HeadInputs withEntropyUpstream(Matrix entropyUpstream) {
        return new HeadInputs(
                hidden,
                weight,
                bias,
                targets,
                mask,
                tokenWeights,
                classWeights,
                logitScales,
                divisor,
                upstream,
                logProbabilityUpstream,
                entropyUpstream);
    }

    /** Whether a token counts: its target is not the ignore index, and the mask does not leave it out. */
    boolean counts(int token, int ignoreIndex) {
        return targets.get(token) != ignoreIndex && (mask == null || mask.get(token));
    }

    double tokenWeight(int token) {
        return tokenWeights == null ? 1 : tokenWeights.get(0, token);
    }

    double classWeight(int row) {
        return classWeights == null ? 1 : classWeights.get(0, row);
    }
}
