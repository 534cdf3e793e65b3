package dev.panhead.trainer.cli;

import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;

/** Continues a text byte by byte, each drawn from the model's distribution. */
final class Generator {

    private final LanguageModel model;
    private final Batch batch;
    private final double temperature;
    private final int topK;
    private final SplittableRandom random;

    /**
     * A generator.
     *
     * @param temperature the distribution's exponents are divided by it; 0 takes the likeliest byte
     * @param topK only so many of the likeliest bytes are drawn from; 0 for all
     */
    Generator(Arena arena, LanguageModel model, double temperature, int topK, long seed) {
        this.model = model;
        this.temperature = temperature;
        this.topK = topK == 0 ? ModelConfig.BYTES : Math.min(topK, ModelConfig.BYTES);
        batch = new Batch(arena, ModelConfig.BYTES, model.config().context());
        random = new SplittableRandom(seed);
    }

    /** Hands on {@code count} bytes that follow the prompt. */
    void generate(byte[] prompt, int count, IntConsumer output) {
        int context = model.config().context();
        byte[] window = new byte[context + 1];
        for (int i = 0; i < context && i < prompt.length; i++) {
            window[context - 1 - i] = prompt[prompt.length - 1 - i];
        }
        double[] logProbabilities = new double[ModelConfig.BYTES];
        for (int n = 0; n < count; n++) {
            score(window, logProbabilities);
            int next = draw(logProbabilities);
            output.accept(next);
            System.arraycopy(window, 1, window, 0, context - 1);
            window[context - 1] = (byte) next;
        }
    }

    /** The log-probability of each byte after a window: the loss of each as the target of the same context. */
    private void score(byte[] window, double[] logProbabilities) {
        int context = model.config().context();
        batch.resize(ModelConfig.BYTES);
        for (int v = 0; v < ModelConfig.BYTES; v++) {
            window[context] = (byte) v;
            batch.set(v, Corpus.of(window), context);
        }
        Matrix losses = model.losses(batch.contexts(), batch.targets());
        for (int v = 0; v < ModelConfig.BYTES; v++) {
            logProbabilities[v] = -losses.get(0, v);
        }
    }

    private int draw(double[] logProbabilities) {
        double[] sorted = logProbabilities.clone();
        Arrays.sort(sorted);
        double max = sorted[sorted.length - 1];
        double floor = sorted[sorted.length - (temperature == 0 ? 1 : topK)];
        double sum = 0;
        double[] weights = new double[logProbabilities.length];
        for (int v = 0; v < weights.length; v++) {
            if (logProbabilities[v] >= floor) {
                weights[v] = temperature == 0 ? 1 : StrictMath.exp((logProbabilities[v] - max) / temperature);
                sum += weights[v];
            }
        }
        double left = random.nextDouble() * sum;
        int last = 0;
        for (int v = 0; v < weights.length; v++) {
            if (weights[v] > 0) {
                last = v;
                left -= weights[v];
                if (left < 0) {
                    return v;
                }
            }
        }
        return last;
    }
}
