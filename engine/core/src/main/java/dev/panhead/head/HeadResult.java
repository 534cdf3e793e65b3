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
    private long gradientEntries;
    private double tailMass;

    HeadResult() {}

    /** Begins a call's sums. */
    void begin(int tokens, int ignored) {
        this.tokens = tokens;
        this.ignored = ignored;
        loss = 0;
        negativeLogLikelihood = 0;
        correct = 0;
        gradientEntries = 0;
        tailMass = 0;
    }

    /** Adds the i-th of some tokens. */
    void add(double weight, TokenResults results, int i) {
        loss += weight * results.losses[i];
        negativeLogLikelihood += results.negativeLogLikelihoods[i];
        correct += results.correct[i] ? 1 : 0;
    }

    /** Adds the i-th of some tokens' gradient. */
    void addGradient(TokenResults results, int i) {
        gradientEntries += results.entries[i];
        tailMass += results.tailMasses[i];
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

    /**
     * How many entries of dL/dz the gradients were made of: T V in {@link GradientMode.Exact}, few in the other modes; 0 if no gradient was asked
     * for.
     */
    public long gradientEntries() {
        return gradientEntries;
    }

    /**
     * The mean over the tokens of what of their gradient was rounded at random or left out, {@link HeadOutputs#tailMasses}; NaN without
     * tokens.
     */
    public double tailMass() {
        return tailMass / tokens;
    }

    /** The figures, for messages. */
    @Override
    public String toString() {
        return "HeadResult[loss=" + loss + ", tokens=" + tokens + ", ignored=" + ignored + ", correct=" + correct + "]";
    }
}
