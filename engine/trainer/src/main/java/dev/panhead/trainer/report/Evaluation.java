package dev.panhead.trainer.report;

/**
 * How well a model predicts a text.
 *
 * @param loss mean loss in nats a token
 * @param tokens number of tokens predicted
 */
public record Evaluation(double loss, long tokens) {

    /** e^loss. */
    public double perplexity() {
        return Math.exp(loss);
    }

    /** The loss in bits; tokens are bytes. */
    public double bitsPerByte() {
        return loss / Math.log(2);
    }
}
