package dev.panhead.trainer.report;

/**
 * How well a model predicts.
 *
 * @param loss mean loss in nats a token
 * @param tokens number of tokens predicted
 * @param correct how many of them the model held for the likeliest
 * @param bytes number of bytes of text they stand for, or 0 if they stand for none
 */
public record Evaluation(double loss, long tokens, long correct, long bytes) {

    /** e^loss. */
    public double perplexity() {
        return Math.exp(loss);
    }

    /** The share of tokens that the model held for the likeliest. */
    public double accuracy() {
        return tokens == 0 ? Double.NaN : (double) correct / tokens;
    }

    /** The loss in bits a byte of text; NaN if the tokens stand for none. */
    public double bitsPerByte() {
        return bytes == 0 ? Double.NaN : loss * tokens / bytes / Math.log(2);
    }

    /** e to the loss in nats a byte of text; NaN if the tokens stand for none. */
    public double perplexityPerByte() {
        return bytes == 0 ? Double.NaN : Math.exp(loss * tokens / bytes);
    }
}
