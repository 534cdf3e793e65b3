package dev.panhead.head;

import dev.panhead.blas.Gemm;
import dev.panhead.tensor.Matrix;

/** A logit came out as NaN or +infinity (or a target's as -infinity), so that there is no loss to speak of. */
public final class NonFiniteLogitException extends ArithmeticException {

    private static final long serialVersionUID = 1;

    private final int token;
    private final int row;

    NonFiniteLogitException(int token, int row, float logit) {
        super("the logit of token " + token + " and vocabulary row " + row + " is " + logit);
        this.token = token;
        this.row = row;
    }

    /** Finds the logit that spoiled a token's loss, by computing the token's logits once more. */
    static NonFiniteLogitException find(HeadInputs inputs, int token, int target) {
        Matrix hidden = inputs.hidden();
        Matrix weight = inputs.weight();
        for (int row = 0; row < weight.rows(); row++) {
            float logit = 0;
            for (int from = 0; from < hidden.columns(); from += Gemm.BLOCK) {
                float sum = 0;
                for (int k = from; k < Math.min(from + Gemm.BLOCK, hidden.columns()); k++) {
                    sum = Math.fma(weight.get(row, k), hidden.get(token, k), sum);
                }
                logit += sum;
            }
            if (inputs.bias() != null) {
                logit += inputs.bias().get(0, row);
            }
            if (!(logit < Float.POSITIVE_INFINITY) || (row == target && logit == Float.NEGATIVE_INFINITY)) {
                return new NonFiniteLogitException(token, row, logit);
            }
        }
        throw new IllegalStateException(
                "token " + token + " has finite logits, but its loss is not: its inputs changed");
    }

    /** The first token that has such a logit: its row in the hidden states. */
    public int token() {
        return token;
    }

    /** The first vocabulary row whose logit for that token is such. */
    public int row() {
        return row;
    }
}
