package dev.panhead.head;

/**
 * How much of the logits' gradient is multiplied with W and X. Of a trained head almost all of it is tiny: with a few entries a token left,
 * the gradients cost little more than the loss. Losses and all other figures, the targets' gradients and those of a teacher's entries are exact in
 * every mode.
 *
 * <p>What the other modes call an entry's size is |dL/dz_v| / B_t, the share that it has of a bound of its token's gradient: with the letters
 * of {@link HeadOptions}, h = dL/dH_t, and A_t what p_v is multiplied by in dL/du_v,
 *
 * <pre>
 *   B_t = s (|A_t| + 2 |h| H_t),   under a soft cap   + s |dL/dl_t| (what is spread of the target over all entries)
 * </pre>
 *
 * so that without soft cap and entropies' gradients the size is p_v, and a token's sizes add up to 1 at most. Label smoothing's
 * even share of the gradient is linear in W and X, and stays exact, but under a soft cap, where it counts as part of the entry.
 *
 * <p>Where a block of {@value Chunk#TOKEN_BLOCK} tokens (of those that count, in their order) would keep so many entries, a seventh, that the dense products are
 * faster, its gradient is exact; so it is where a token has a B_t below 2^-64. A token's dL/dx_t then depends on its block's other tokens.
 */
public sealed interface GradientMode {

    /** The default {@code threshold} of {@link Unbiased}: 2^-8. */
    double THRESHOLD = 0x1p-8;

    /** All of it, as it is: the default. */
    record Exact() implements GradientMode {}

    /**
     * Entries of a size x below a threshold tau are rounded at random, to 0 or to tau (keeping their sign), so that their expected value
     * is what they are; the others are exact. An entry is rounded up with probability x / tau, so
     *
     * <pre>
     *   expected value   tau (x / tau) = x          variance   (tau - x)^2 (x / tau) + x^2 (1 - x / tau) = x (tau - x)
     * </pre>
     *
     * and as the gradients of W, X and b are linear in the entries, theirs are unbiased too. The sampling is systematic: one random number a token, then an entry is
     * kept wherever the running sum of sizes passes a multiple of tau, so that their number is the sum's tau-th part, rounded up or down; no token keeps
     * more than 1 / tau + 1 entries beside its target's and its teacher's. (The sum is taken in whole numbers, of 2^-31 tau: an entry's expected value is off by
     * 2^-32 tau at most.) The random number is a function of the seed, the call's step and the token's index
     * (Philox 4x32-10 by Salmon et al. 2011), and the result one of these and of the inputs and options: the same bits on any machine.
     *
     * @param threshold tau, 2^-20 to 1/2
     * @param seed of the random numbers
     */
    record Unbiased(double threshold, long seed) implements GradientMode {
        /**
         * Checks the threshold.
         *
         * @throws IllegalArgumentException if it is out of its range
         */
        public Unbiased {
            requireThreshold(threshold);
        }
    }

    /**
     * The smallest entries are left out, as many as have sizes of {@code mass} together at most: biased, and certified. What was left
     * out of a token is {@link HeadOutputs#tailMasses}; times B_t and the norm of W's longest row, it bounds the error of dL/dx_t. The thresholds
     * that are tried are apart by a factor of (V / mass)^(1/100), some 1.2, and the highest of them is taken that leaves out no more.
     *
     * @param mass above 0 and below 1
     */
    record Drop(double mass) implements GradientMode {
        /**
         * Checks the mass.
         *
         * @throws IllegalArgumentException if it is out of its range
         */
        public Drop {
            if (!(mass > 0 && mass < 1)) {
                throw new IllegalArgumentException("mass must be above 0 and below 1, but is " + mass);
            }
        }
    }

    /**
     * Entries of a size below a threshold are left out: biased, as Cut Cross-Entropy's filter of 2^-12 is (Wijmans et al. 2024), and without
     * a bound of what is left out, which is told all the same.
     *
     * @param threshold 2^-20 to 1/2
     */
    record DropBelow(double threshold) implements GradientMode {
        /**
         * Checks the threshold.
         *
         * @throws IllegalArgumentException if it is out of its range
         */
        public DropBelow {
            requireThreshold(threshold);
        }
    }

    /** All of the gradient. */
    static GradientMode exact() {
        return new Exact();
    }

    /** Rounded at random below 2^-8, with seed 0. */
    static GradientMode unbiased() {
        return unbiased(THRESHOLD);
    }

    /** Rounded at random below a threshold, with seed 0. */
    static GradientMode unbiased(double threshold) {
        return new Unbiased(threshold, 0);
    }

    /** The smallest entries left out, up to a mass. */
    static GradientMode drop(double mass) {
        return new Drop(mass);
    }

    /** Entries below a threshold left out. */
    static GradientMode dropBelow(double threshold) {
        return new DropBelow(threshold);
    }

    private static void requireThreshold(double threshold) {
        if (!(threshold >= 0x1p-20 && threshold <= 0.5)) {
            throw new IllegalArgumentException("threshold must be from 2^-20 to 1/2, but is " + threshold);
        }
    }
}
