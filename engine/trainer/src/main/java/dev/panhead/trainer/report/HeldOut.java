package dev.panhead.trainer.report;

/**
 * An evaluation of the held-out part. A figure that was not noted, or was no number, is NaN.
 *
 * @param at how far the training was; null until that is known
 * @param loss mean loss in nats a token
 * @param bitsPerByte bits a byte of text
 * @param accuracy fraction of the tokens that were the likeliest
 * @param tokens number of tokens predicted
 * @param whole whether that was all that is held out
 */
record HeldOut(Point at, double loss, double bitsPerByte, double accuracy, double tokens, boolean whole) {

    /** e^loss. */
    double perplexity() {
        return Math.exp(loss);
    }

    /** The same, for a place in the training. */
    HeldOut placed(Point place) {
        return new HeldOut(place, loss, bitsPerByte, accuracy, tokens, whole);
    }

    /** This evaluation with what another knows better: its figures wherever they are numbers. */
    HeldOut or(HeldOut other) {
        return new HeldOut(
                other.at,
                prefer(other.loss, loss),
                prefer(other.bitsPerByte, bitsPerByte),
                prefer(other.accuracy, accuracy),
                prefer(other.tokens, tokens),
                whole || other.whole);
    }

    private static double prefer(double first, double second) {
        return Double.isNaN(first) ? second : first;
    }
}
