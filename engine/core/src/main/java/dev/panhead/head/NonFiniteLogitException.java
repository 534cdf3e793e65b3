package dev.panhead.head;

import dev.panhead.tensor.Matrix;
import java.util.function.IntPredicate;

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
     * Finds the first vocabulary row whose logit spoiled a token's loss, by computing the token's logits once more; -1 if all are sound.
     *
     * @param smoothed which rows have a share in the loss by smoothing, or null for none
     */
    static int find(HeadInputs inputs, int token, int target, float softcap, float scale, IntPredicate smoothed) {
        for (int row = 0; row < inputs.weight().rows(); row++) {
            float logit = LogitsPass.logit(inputs, token, row, softcap, scale);
            if (logit == Float.NEGATIVE_INFINITY) {
                if (row == target || isTaught(inputs, token, row) || smoothed != null && smoothed.test(row)) {
                    return row;
                }
            } else if (!(logit < Float.POSITIVE_INFINITY)) {
                return row;
            }
        }
        return -1;
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
