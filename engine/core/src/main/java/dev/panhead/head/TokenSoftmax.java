package dev.panhead.head;

/**
 * One token's softmax in double, from what is known of its target a and of the other entries. With m and S the maximum and the sum of
 * exponentials over the others, and D = u_a - m:
 *
 * <pre>
 *   -log p_a = log1p(S e^-D),           1 - p_a = r / (1 + r),  r = S e^-D     if D >= 0
 *   -log p_a = log(S + e^D) - D,        1 - p_a = S / (S + e^D)                otherwise
 * </pre>
 *
 * so that nothing cancels, however confident the token is. The functions are the exactly specified ones of {@link StrictMath}.
 */
final class TokenSoftmax {

    /** -log p_a. */
    double surprise;

    double logSumExp;

    /** p_a and 1 - p_a. */
    double own;

    double others;

    /** What makes p of e^(u - m), and its logarithm. */
    double factor;

    double logFactor;

    /** The sum of e^(u - m) over entries that are neither target nor soft, and what makes it of a sum that is relative to their own maximum. */
    double rest;

    double shift;

    /** The entropy but for the sum of p (u - m) over the others. */
    double mixing;

    /**
     * Computes them.
     *
     * @param target u_a
     * @param max m
     * @param sum S
     */
    void compute(double target, double max, double sum) {
        double above = target - max;
        if (above >= 0) {
            double decay = StrictMath.exp(-above);
            double ratio = sum * decay;
            surprise = above < Double.POSITIVE_INFINITY ? StrictMath.log1p(ratio) : Double.NaN;
            logSumExp = target + surprise;
            own = 1 / (1 + ratio);
            others = ratio / (1 + ratio);
            factor = decay / (1 + ratio);
            logFactor = -(surprise + above);
            mixing = surprise + others * above;
        } else {
            double total = sum + StrictMath.exp(above);
            double log = StrictMath.log(total);
            surprise = log - above;
            logSumExp = max + log;
            own = StrictMath.exp(above) / total;
            others = sum / total;
            factor = 1 / total;
            logFactor = -log;
            mixing = log - own * above;
        }
    }
}
