package dev.panhead.head;

/**
 * What the last call of a head found. It belongs to its head and is overwritten by the head's next call, so that a step
 * allocates nothing; read what you want to keep.
 */
public final class HeadResult {

    private double loss;
    private int tokens;
    private int ignored;

    HeadResult() {}

    void set(double loss, int tokens, int ignored) {
        this.loss = loss;
        this.tokens = tokens;
        this.ignored = ignored;
    }

    /** The loss in nats, reduced as the options say; 0 if {@link #tokens()} is 0. */
    public double loss() {
        return loss;
    }

    /** Number of tokens that counted. */
    public int tokens() {
        return tokens;
    }

    /** Number of tokens that were ignored. */
    public int ignored() {
        return ignored;
    }

    /** The figures, for messages. */
    @Override
    public String toString() {
        return "HeadResult[loss=" + loss + ", tokens=" + tokens + ", ignored=" + ignored + "]";
    }
}
