package dev.panhead.trainer.loop;

import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.model.LanguageModel;

/**
 * How well a model predicts a text.
 *
 * @param loss mean loss in nats a token
 * @param tokens number of tokens predicted
 */
public record Evaluation(double loss, long tokens) {

    /** Evaluates the tokens from (inclusive) to (exclusive) of a text, each after the context before it. */
    public static Evaluation of(LanguageModel model, Batch batch, Corpus corpus, int from, int to) {
        return of(model, batch, corpus, from, to, 1);
    }

    /**
     * Evaluates a sample: one batch in every {@code every} of the tokens from (inclusive) to (exclusive).
     */
    public static Evaluation of(LanguageModel model, Batch batch, Corpus corpus, int from, int to, int every) {
        double sum = 0;
        long tokens = 0;
        int step = batch.capacity();
        for (long at = from; at < to; at += (long) step * every) {
            int count = (int) Math.min(step, to - at);
            batch.setRun(corpus, (int) at, count);
            Matrix losses = model.losses(batch.contexts(), batch.targets());
            for (int t = 0; t < count; t++) {
                sum += losses.get(0, t);
            }
            tokens += count;
        }
        return new Evaluation(tokens == 0 ? 0 : sum / tokens, tokens);
    }

    /** e^loss. */
    public double perplexity() {
        return Math.exp(loss);
    }

    /** The loss in bits; tokens are bytes. */
    public double bitsPerByte() {
        return loss / Math.log(2);
    }
}
