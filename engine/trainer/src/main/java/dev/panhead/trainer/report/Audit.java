package dev.panhead.trainer.report;

/**
 * A comparison of some tokens with double precision.
 *
 * @param step steps done
 * @param tokens number of tokens compared, or NaN
 * @param error largest relative error, or NaN
 * @param bound largest error allowed, or NaN
 */
record Audit(long step, double tokens, double error, double bound) {

    /** Whether the error is known to be within the bound. */
    boolean passed() {
        return error <= bound;
    }
}
