package dev.panhead.head;

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

    /** The first token that has such a logit: its row in the hidden states. */
    public int token() {
        return token;
    }

    /** The first vocabulary row whose logit for that token is such. */
    public int row() {
        return row;
    }
}
