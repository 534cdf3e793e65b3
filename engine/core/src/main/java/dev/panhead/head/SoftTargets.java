package dev.panhead.head;

import java.util.Objects;

/**
 * How a head learns from a teacher's distribution q_t, of which k entries a token are known, beside the hard target:
 *
 * <pre>
 *   l_t = (1 - alpha) (the hard target's loss, smoothed or not) + alpha D_t + lambda lse_t^2
 *   D_t = sum over v of c_v q_t(v) (lse_t - u_v),   and with KL divergence   + sum over v of c_v q_t(v) log q_t(v)
 * </pre>
 *
 * with the letters of {@link HeadOptions}. Teacher and student are compared at the temperature of the student's logits: let q be the
 * teacher's softmax at that temperature. The hard target still says whether a token counts and what the mean divides by, with share 1 too.
 *
 * @param entries k, how many a token has in {@link HeadInputs#withSoftTargets}, at least 1
 * @param share alpha, 0 to 1
 * @param remainder what becomes of the teacher's probability that its entries do not have
 * @param divergence cross-entropy or KL divergence; the gradients are the same
 */
public record SoftTargets(int entries, double share, Remainder remainder, Divergence divergence) {

    /** What becomes of R_t = 1 - the sum of a token's given probabilities. */
    public enum Remainder {
        /** Nothing: the given probabilities are taken as they are. */
        DROPPED,
        /** The given ones are divided by their sum. */
        SCALED,
        /** It is spread evenly, unless roundings make it negative: R_t / V' is added to the probability of each entry of the vocabulary that no bias takes out. */
        SPREAD
    }

    /** What D_t is. */
    public enum Divergence {
        /** - sum of q log p. */
        CROSS_ENTROPY,
        /** sum of q (log q - log p). */
        KULLBACK_LEIBLER
    }

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if one is out of its range
     */
    public SoftTargets {
        Objects.requireNonNull(remainder, "remainder");
        Objects.requireNonNull(divergence, "divergence");
        if (entries < 1) {
            throw new IllegalArgumentException("entries must be at least 1, but is " + entries);
        }
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException("share must be from 0 to 1, but is " + share);
        }
    }

    /** Nothing but the teacher: share 1, the remainder dropped, cross-entropy. */
    public static SoftTargets of(int entries) {
        return new SoftTargets(entries, 1, Remainder.DROPPED, Divergence.CROSS_ENTROPY);
    }
}
