package dev.panhead.head;

/**
 * What the last call of a head found. It belongs to its head and is overwritten by the head's next call, so that a step
 * allocates nothing; read what you want to keep.
 */
public final class HeadResult {

    private double loss;
    private double negativeLogLikelihood;
    private int tokens;
    private int ignored;
    private int correct;

    HeadResult() {}

    /** Begins a call's sums. */
    void begin(int tokens, int ignored) {
        this.tokens = tokens;
        this.ignored = ignored;
        loss = 0;
        negativeLogLikelihood = 0;
        correct = 0;
    }

    /** Adds the i-th of some tokens. */
    void add(double weight, TokenResults results, int i) {
        loss += weight * results.losses[i];
        negativeLogLikelihood += results.negativeLogLikelihoods[i];
        correct += results.correct[i] ? 1 : 0;
    }

    /** Ends the sums: the loss is divided, unless there is nothing to divide by. */
    void divide(double divisor) {
        loss = divisor == 0 ? 0 : loss / divisor;
    }

    /** The loss in nats, reduced as the options say; 0 if {@link #tokens()} is 0, or what a mean divides by. */
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

    /** Number of tokens whose target has a larger logit than every other entry. */
    public int correct() {
        return correct;
    }

    /** {@link #correct()} / {@link #tokens()}; NaN without tokens. */
    public double accuracy() {
        return (double) correct / tokens;
    }

    /** e to the mean of -log p_t(a_t), whatever the weights and options of the loss; NaN without tokens. */
    public double perplexity() {
        return StrictMath.exp(negativeLogLikelihood / tokens);
    }

    /** The figures, for messages. */
    @Override
    public String toString() {
        return "HeadResult[loss=" + loss + ", tokens=" + tokens + ", ignored=" + ignored + ", correct=" + correct + "]";
    }
}
