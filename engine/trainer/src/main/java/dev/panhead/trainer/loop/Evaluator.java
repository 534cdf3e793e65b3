package dev.panhead.trainer.loop;

import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.report.Evaluation;

/** Evaluates a model on a text, each token after the context before it. */
public final class Evaluator {

    private Evaluator() {}

    /** Evaluates the tokens from (inclusive) to (exclusive). */
    public static Evaluation evaluate(LanguageModel model, Batch batch, Corpus corpus, int from, int to) {
        return sample(model, batch, corpus, from, to, 1);
    }

    /** Evaluates one batch in every {@code every} of the tokens from (inclusive) to (exclusive). */
    static Evaluation sample(LanguageModel model, Batch batch, Corpus corpus, int from, int to, int every) {
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
}
