package dev.panhead.trainer.cli;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.LogSoftmax;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.model.LanguageModel;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;

/** Continues a text token by token, each drawn from the model's distribution. */
final class Generator {

    private final LanguageModel model;
    private final int context;
    private final int vocabulary;
    private final Batch batch;
    private final Matrix logits;
    private final Gemm gemm;
    private final LogSoftmax logSoftmax;
    private final double temperature;
    private final int topK;
    private final SplittableRandom random;

    /**
     * A generator.
     *
     * @param model one with an encoder
     * @param temperature the distribution's exponents are divided by it; 0 takes the likeliest token
     * @param topK only so many of the likeliest tokens are drawn from; 0 for all
     */
    Generator(Arena arena, Workers workers, LanguageModel model, double temperature, int topK, long seed) {
        this.model = model;
        this.temperature = temperature;
        context = model.config().window().context();
        vocabulary = model.config().vocabulary();
        this.topK = topK == 0 ? vocabulary : Math.min(topK, vocabulary);
        batch = Batch.ofContexts(arena, 1, context);
        logits = Matrix.allocate(arena, 1, vocabulary);
        gemm = new Gemm(arena, workers);
        logSoftmax = new LogSoftmax(workers);
        random = new SplittableRandom(seed);
    }

    /**
     * Hands on the tokens that follow the prompt, {@code count} at most: fewer if the text comes to its end, or to what an end begins with.
     *
     * @param boundary what stands before the prompt, if it is shorter than the context
     * @param ends what the text ends with, which is not handed on: any of these; none, to go on behind the end
     */
    void generate(int[] prompt, int boundary, List<int[]> ends, int count, IntConsumer output) {
        for (int i = 0; i < context; i++) {
            int from = prompt.length - context + i;
            batch.contexts().set(i, from < 0 ? boundary : prompt[from]);
        }
        double[] logProbabilities = new double[vocabulary];
        Deque<Integer> held = new ArrayDeque<>(); // what an end may begin with
        for (int n = 0; n < count; n++) {
            predict(logProbabilities);
            int next = draw(logProbabilities);
            held.add(next);
            while (!held.isEmpty() && ends.stream().noneMatch(end -> begins(end, held))) {
                output.accept(held.remove());
            }
            if (ends.stream().anyMatch(end -> end.length == held.size() && begins(end, held))) {
                return;
            }
            for (int i = 1; i < context; i++) {
                batch.contexts().set(i - 1, batch.contexts().get(i));
            }
            batch.contexts().set(context - 1, next);
        }
    }

    private static boolean begins(int[] end, Deque<Integer> tokens) {
        int i = 0;
        for (int token : tokens) {
            if (i == end.length || end[i++] != token) {
                return false;
            }
        }
        return true;
    }

    /** The log-probability of each token after the context. */
    private void predict(double[] logProbabilities) {
        if (model.bias() == null) {
            logits.fill(0);
        } else {
            logits.copyFrom(model.bias().value());
        }
        gemm.multiply(
                1,
                Op.NONE,
                model.encoder().forward(batch),
                Op.TRANSPOSE,
                model.weight().value(),
                1,
                logits);
        float cap = model.config().softcap();
        float scale = model.config().logitScale();
        if (cap > 0 || scale != 1) {
            for (int v = 0; v < vocabulary; v++) {
                float z = logits.get(0, v);
                logits.set(0, v, scale * (cap > 0 ? cap * (float) StrictMath.tanh(z / cap) : z));
            }
        }
        logSoftmax.values(logits, logits);
        for (int v = 0; v < vocabulary; v++) {
            logProbabilities[v] = logits.get(0, v);
        }
    }

    /** The least log-probability that is drawn from. */
    private double floor(double[] logProbabilities) {
        if (topK == vocabulary) {
            return Double.NEGATIVE_INFINITY;
        }
        double[] sorted = logProbabilities.clone();
        Arrays.sort(sorted);
        return sorted[vocabulary - topK];
    }

    private int draw(double[] logProbabilities) {
        double max = Arrays.stream(logProbabilities).max().orElseThrow();
        double floor = temperature == 0 ? max : floor(logProbabilities);
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
