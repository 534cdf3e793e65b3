package dev.panhead.head;

import dev.panhead.tensor.Matrix;

/**
 * A logit came out as NaN or +infinity (or as -infinity where a hard or soft target, label smoothing or a spread remainder gives it a share of
 * the loss), so that there is no loss to speak of.
 */
public final class NonFiniteLogitException extends ArithmeticException {

    private static final long serialVersionUID = 1;

    private final int token;
    private final int row;
    private final long count;

    NonFiniteLogitException(int token, int row, float logit, long count) {
        super("the logit of token " + token + " and vocabulary row " + row + " is " + logit
                + (count > 1 ? ", the first of " + count + " that are not finite" : ""));
        this.token = token;
        this.row = row;
        this.count = count;
    }

    /**
     * Finds the first logit that spoiled a token's loss, by computing the token's logits once more.
     *
     * @param count how many there are
     */
    static NonFiniteLogitException find(
            HeadInputs inputs, int token, int target, float softcap, float scale, long count) {
        int overflown = -1; // a row whose logit is -infinity, though no bias is
        for (int row = 0; row < inputs.weight().rows(); row++) {
            float logit = LogitsPass.logit(inputs, token, row, softcap, scale);
            boolean lost = logit == Float.NEGATIVE_INFINITY && (row == target || isTaught(inputs, token, row));
            if (lost || !(logit < Float.POSITIVE_INFINITY)) {
                return new NonFiniteLogitException(token, row, logit, count);
            }
            boolean out = inputs.bias() != null && inputs.bias().get(0, row) == Float.NEGATIVE_INFINITY;
            if (logit == Float.NEGATIVE_INFINITY && !out && overflown < 0) {
                overflown = row;
            }
        }
        if (overflown >= 0) {
            return new NonFiniteLogitException(token, overflown, Float.NEGATIVE_INFINITY, count);
        }
        throw new ArithmeticException("token " + token + " has finite logits, but its loss is not: weights are "
                + "too large, or its inputs changed during the call");
    }

    /** Whether a teacher gives an entry some probability. */
    private static boolean isTaught(HeadInputs inputs, int token, int row) {
        Matrix probabilities = inputs.softProbabilities();
        for (int j = 0; probabilities != null && j < probabilities.columns(); j++) {
            int taught = inputs.softTargets().get(token * probabilities.columns() + j);
            if (taught == row && probabilities.get(token, j) > 0) {
                return true;
            }
        }
        return false;
    }

    /** The first token that has such a logit: its row in the hidden states. */
    public int token() {
        return token;
    }

    /** The first vocabulary row whose logit for that token is such. */
    public int row() {
        return row;
    }

    /** How many of the call's logits are such. */
    public long count() {
        return count;
    }
}
