package dev.panhead.trainer.cli;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.LogSoftmax;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;

/** Continues a text byte by byte, each drawn from the model's distribution. */
final class Generator {

    private final LanguageModel model;
    private final Ints contexts;
    private final Matrix logits;
    private final Gemm gemm;
    private final LogSoftmax logSoftmax;
    private final double temperature;
    private final int topK;
    private final SplittableRandom random;

    /**
     * A generator.
     *
     * @param temperature the distribution's exponents are divided by it; 0 takes the likeliest byte
     * @param topK only so many of the likeliest bytes are drawn from; 0 for all
     */
    Generator(Arena arena, Workers workers, LanguageModel model, double temperature, int topK, long seed) {
        this.model = model;
        this.temperature = temperature;
        this.topK = topK == 0 ? ModelConfig.BYTES : Math.min(topK, ModelConfig.BYTES);
        contexts = Ints.allocate(arena, model.config().context());
        logits = Matrix.allocate(arena, 1, ModelConfig.BYTES);
        gemm = new Gemm(arena, workers);
        logSoftmax = new LogSoftmax(workers);
        random = new SplittableRandom(seed);
    }

    /** Hands on {@code count} bytes that follow the prompt. */
    void generate(byte[] prompt, int count, IntConsumer output) {
        int context = contexts.size();
        for (int i = 0; i < context; i++) {
            int from = prompt.length - context + i;
            contexts.set(i, from < 0 ? 0 : prompt[from] & 0xff);
        }
        double[] logProbabilities = new double[ModelConfig.BYTES];
        for (int n = 0; n < count; n++) {
            predict(logProbabilities);
            int next = draw(logProbabilities);
            output.accept(next);
            for (int i = 1; i < context; i++) {
                contexts.set(i - 1, contexts.get(i));
            }
            contexts.set(context - 1, next);
        }
    }

    /** The log-probability of each byte after the context. */
    private void predict(double[] logProbabilities) {
        Matrix hidden = model.encoder().forward(contexts);
        logits.copyFrom(model.bias().value());
        gemm.multiply(1, Op.NONE, hidden, Op.TRANSPOSE, model.weight().value(), 1, logits);
        logSoftmax.values(logits, logits);
        for (int v = 0; v < ModelConfig.BYTES; v++) {
            logProbabilities[v] = logits.get(0, v);
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
