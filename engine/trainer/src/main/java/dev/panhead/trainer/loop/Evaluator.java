package dev.panhead.trainer.loop;

import dev.panhead.head.NonFiniteLogitException;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.report.Evaluation;

/** Evaluates a model on examples. */
public final class Evaluator {

    /** Who wants to know each token's loss. */
    @FunctionalInterface
    public interface TokenListener {

        /** Does nothing. */
        TokenListener NONE = (example, loss, prediction) -> {};

        /**
         * A token was evaluated.
         *
         * @param example its number
         * @param loss in nats
         * @param prediction the likeliest token instead of it, or itself
         */
        void token(long example, double loss, int prediction);
    }

    private Evaluator() {}

    /** Evaluates all examples of a part. */
    public static Evaluation evaluate(LanguageModel model, Batch batch, Part part, TokenListener listener) {
        return sample(model, batch, part, 1, listener);
    }

    /** Evaluates one batch in every {@code every} of a part. */
    static Evaluation sample(LanguageModel model, Batch batch, Part part, long every, TokenListener listener) {
        double sum = 0;
        long tokens = 0;
        long correct = 0;
        long bytes = 0;
        int step = batch.capacity();
        for (long at = 0; at < part.count(); at += step * every) {
            int count = (int) Math.min(step, part.count() - at);
            part.fill(batch, at, count);
            long first = part.from() + at;
            LanguageModel.Scores scores;
            try {
                scores = model.score(batch);
            } catch (NonFiniteLogitException e) {
                throw notFinite(part.examples().place(first + e.token()), e);
            }
            for (int t = 0; t < count; t++) {
                double loss = scores.losses().get(0, t);
                int prediction = scores.predictions().get(t);
                sum += loss;
                correct += prediction == batch.targets().get(t) ? 1 : 0;
                listener.token(first + t, loss, prediction);
            }
            tokens += count;
            bytes += part.examples().bytes(first, first + count);
        }
        return new Evaluation(tokens == 0 ? Double.NaN : sum / tokens, tokens, correct, bytes);
    }

    /** Says where a logit that is not finite came from. */
    public static ArithmeticException notFinite(String place, NonFiniteLogitException e) {
        return new ArithmeticException(place + ": its logit of vocabulary row " + e.row() + " is not finite"
                + (e.count() > 1 ? ", the first of " + e.count() + " of the batch" : ""));
    }
}
