package dev.panhead.trainer.loop;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadResult;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.GradientNorm;
import dev.panhead.optim.LearningRate;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.data.Positions;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.Parameter;
import dev.panhead.trainer.report.Evaluation;
import dev.panhead.trainer.report.Listener;
import dev.panhead.trainer.report.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Trains a model on a text with AdamW, the last tenth held out. With a number of steps, the result is the same to the bit. */
public final class Training {

    /** The loss shown is a running mean over about this many steps. */
    private static final int SMOOTHING = 50;

    /** Time between two looks at the held-out part, as a fraction of the training. */
    private static final double EVALUATION_INTERVAL = 0.1;

    /** The looks on the way take about this many tokens. */
    private static final int SAMPLE = 32_768;

    /** What of a training by time counts as done before its first step. */
    private static final double FIRST_STEP = 1e-3;

    private final LanguageModel model;
    private final Corpus corpus;
    private final int heldOut;
    private final TrainingOptions options;
    private final Batch batch;
    private final AdamW decaying;
    private final AdamW plain;
    private final GradientNorm norm;
    private final Matrix[] gradients;
    private final List<Parameter> parameters;
    private final LearningRate rate;
    private final Positions positions;

    private long step;
    private double loss;
    private double gradientNorm;

    /**
     * A training that has not begun.
     *
     * @throws IOException if the text is too short
     */
    public Training(Arena arena, Workers workers, LanguageModel model, Corpus corpus, TrainingOptions options)
            throws IOException {
        this.model = model;
        this.corpus = corpus;
        this.options = options;
        heldOut = corpus.heldOutStart(model.config().context());
        batch = new Batch(arena, options.batch(), model.config().context());
        decaying = new AdamW(workers, 0.9, 0.95, 1e-8, options.weightDecay());
        plain = new AdamW(workers, 0.9, 0.95, 1e-8, 0);
        norm = new GradientNorm(workers);
        parameters = model.parameters();
        gradients = parameters.stream().map(Parameter::gradient).toArray(Matrix[]::new);
        rate = new LearningRate.Cosine(options.learningRate(), options.warmUp(), 0);
        positions = new Positions(heldOut, options.seed());
    }

    /**
     * Trains to the end, or until {@code stop} says so.
     *
     * @return the last status
     * @throws ArithmeticException if the loss or the gradient is no longer finite
     */
    public Status run(Listener listener, BooleanSupplier stop) throws IOException {
        long start = System.nanoTime();
        double evaluating = 0;
        double nextEvaluation = EVALUATION_INTERVAL;
        Status status = new Status(0, 0, 0, 0, 0, Double.NaN, 0, 0);
        while (status.progress() < 1 && !stop.getAsBoolean()) {
            double begun = Math.max(status.progress(), FIRST_STEP); // a rate of 0 would make the first step for nothing
            double learningRate = rate.at(options.steps() > 0 ? (step + 1.0) / options.steps() : begun);
            step(learningRate);
            double seconds = (System.nanoTime() - start) * 1e-9;
            double progress = options.steps() > 0 ? (double) step / options.steps() : seconds / options.seconds();
            long tokens = step * options.batch();
            status = new Status(
                    step,
                    Math.min(progress, 1),
                    seconds,
                    tokens,
                    tokens / (seconds - evaluating),
                    loss,
                    learningRate,
                    gradientNorm);
            listener.step(status);
            if (progress >= nextEvaluation && progress < 1) {
                nextEvaluation = (Math.floor(progress / EVALUATION_INTERVAL) + 1) * EVALUATION_INTERVAL;
                int every = Math.max(1, (corpus.size() - heldOut) / SAMPLE);
                listener.evaluated(status, Evaluator.sample(model, batch, corpus, heldOut, corpus.size(), every));
                evaluating += (System.nanoTime() - start) * 1e-9 - seconds;
            }
        }
        return status;
    }

    private void step(double learningRate) {
        batch.resize(options.batch());
        for (int i = 0; i < options.batch(); i++) {
            batch.set(i, corpus, positions.at(step * options.batch() + i));
        }
        HeadResult result = model.learn(batch.contexts(), batch.targets());
        step++;
        loss = step == 1 ? result.loss() : loss + (result.loss() - loss) / Math.min(step, SMOOTHING);
        gradientNorm = norm.of(gradients);
        if (!(gradientNorm < Double.POSITIVE_INFINITY)) {
            throw new ArithmeticException("the gradient of step " + step + " is not finite; try a lower learning rate");
        }
        double scale = options.clip() > 0 ? GradientNorm.clipScale(gradientNorm, options.clip()) : 1;
        for (Parameter parameter : parameters) {
            AdamW optimizer = parameter.decays() ? decaying : plain;
            optimizer.update(parameter.value(), parameter.gradient(), parameter.moments(), step, learningRate, scale);
        }
    }

    /** Evaluates the whole held-out part. */
    public Evaluation evaluate() {
        return Evaluator.evaluate(model, batch, corpus, heldOut, corpus.size());
    }
}
