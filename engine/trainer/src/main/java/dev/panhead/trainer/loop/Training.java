package dev.panhead.trainer.loop;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadResult;
import dev.panhead.head.NonFiniteLogitException;
import dev.panhead.optim.GradientNorm;
import dev.panhead.optim.LearningRate;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.check.Audit;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Order;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.Parameter;
import dev.panhead.trainer.report.Evaluation;
import dev.panhead.trainer.report.Listener;
import dev.panhead.trainer.report.Status;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** Trains a model. With a number of steps, the result is the same to the bit, however often it was interrupted and resumed. */
public final class Training {

    /** The loss shown is a running mean over about this many steps. */
    private static final int SMOOTHING = 50;

    /** The looks at what is held out divide the training into so many parts, unless steps between them are given. */
    private static final int LOOKS = 10;

    /** A look on the way takes a token for this many that were learned since the one before. */
    private static final int LEARNED_A_SAMPLED = 8;

    /** It takes about this many at least, and no more than the other. */
    private static final long LEAST_SAMPLE = 4_096;

    private static final long MOST_SAMPLE = 32_768;

    /** An evaluation takes at least so many tokens at a time, where a step takes less. */
    public static final int EVALUATION_BATCH = 1024;

    /** What of a training by time counts as done before its first step. */
    private static final double FIRST_STEP = 1e-3;

    /** Tokens from which the bytes a token stands for are estimated. */
    private static final long BYTES_SAMPLE = 1 << 20;

    private final LanguageModel model;
    private final Part examples;
    private final Part heldOut;
    private final TrainingOptions options;
    private final Map<String, Object> identity;
    private final Checkpoints checkpoints;
    private final Batch batch;
    private final Batch evaluationBatch;
    private final Optimizer optimizer;
    private final Optimizer.FusedStep fused;
    private final GradientNorm norm;
    private final List<Learned> pieces = new ArrayList<>();
    private final SequencedMap<String, Matrix> parameters = new LinkedHashMap<>();
    private final SequencedMap<String, Matrix> everything = new LinkedHashMap<>();
    private final Matrix[] gradients;
    private final GradientShare share;
    private final LearningRate rate;
    private final Order order;
    private final Audit audit;
    private final double tokensPerByte;

    private TrainingState state = TrainingState.START;
    private Status status = new Status(0, 0, 0, 0, 0, Double.NaN, Double.NaN, 0, 0, Double.NaN, Double.NaN);

    /**
     * A training that has not begun.
     *
     * @param examples what is learned
     * @param heldOut what is not
     * @param identity what a checkpoint must agree with to be resumed: options, data, dimensions
     * @param checkpoints where states are saved
     */
    public Training(
            Arena arena,
            Workers workers,
            LanguageModel model,
            Part examples,
            Part heldOut,
            TrainingOptions options,
            Map<String, Object> identity,
            Checkpoints checkpoints) {
        this.model = model;
        this.examples = examples;
        this.heldOut = heldOut;
        this.options = options;
        this.identity = identity;
        this.checkpoints = checkpoints;
        optimizer = options.optimizer().start(workers);
        model.prepare(
                HeadOptions.DEFAULT
                        .withLabelSmoothing(options.labelSmoothing())
                        .withZLoss(options.zLoss())
                        .withGradientMode(options.gradient())
                        .withFusedUpdate(options.fused()),
                options.headOnly(),
                optimizer.states());
        batch = examples.examples().batch(arena, options.batch());
        evaluationBatch = heldOut.examples().batch(arena, Math.max(options.batch(), EVALUATION_BATCH));
        norm = new GradientNorm(workers);
        share = new GradientShare(options.gradient(), model.config().vocabulary());
        rate = options.schedule().rate();
        order = new Order(examples.count(), options.seed());
        audit = options.auditEvery() > 0 ? new Audit(arena, workers, model, examples, options.seed()) : null;
        model.parameters().forEach(parameter -> parameters.put(parameter.name(), parameter.value()));
        everything.putAll(parameters);
        Optimizer.FusedStep fusedStep = null;
        for (Parameter parameter : model.learned()) {
            List<Matrix> states = states(arena, parameter);
            if (options.fused() && parameter == model.weight()) {
                fusedStep = optimizer.fuse(parameter.value(), states, parameter.decays());
            } else {
                pieces.addAll(Learned.pieces(parameter, states, options.frozenRows()));
            }
        }
        fused = fusedStep;
        gradients = pieces.stream().map(Learned::gradient).toArray(Matrix[]::new);
        long sample = Math.min(examples.count(), BYTES_SAMPLE);
        tokensPerByte = (double) sample / examples.examples().bytes(examples.from(), examples.from() + sample);
    }

    private List<Matrix> states(Arena arena, Parameter parameter) {
        List<Matrix> states = new ArrayList<>();
        for (int i = 0; i < optimizer.states(); i++) {
            Matrix one = Matrix.allocate(
                    arena, parameter.value().rows(), parameter.value().columns());
            states.add(one);
            everything.put("optimizer." + i + "." + parameter.name(), one);
        }
        return states;
    }

    /**
     * Goes on from the newest checkpoint, if there is one.
     *
     * @param changes whether options of learning that need not be the same may differ from those it was saved with
     * @param broken is told of newer ones that are not whole
     * @return steps done
     * @throws IOException if it is of a training with other options or data
     */
    public long resume(boolean changes, Consumer<String> broken) throws IOException {
        Set<String> mayDiffer = changes ? TrainingOptions.CHANGEABLE : Set.of();
        TrainingState saved = checkpoints.resume(identity, mayDiffer, everything, broken);
        if (saved != null) {
            if (options.steps() > 0 && saved.step() > options.steps()) {
                throw new IOException("the training is to end after step " + options.steps()
                        + ", but the checkpoint is of step " + saved.step());
            }
            // One that was interrupted in its last moment is at its end already.
            if (options.steps() == 0 && changes && saved.seconds() >= options.seconds()) {
                throw new IOException(String.format(
                        Locale.ROOT,
                        "the training is to end after %.1f seconds, but the checkpoint is of second %.1f",
                        options.seconds(),
                        saved.seconds()));
            }
            state = saved;
            Clock clock = new Clock(state.seconds(), state.step());
            status = status(clock, progress(clock), 0, Double.NaN);
        }
        return state.step();
    }

    /**
     * Trains to the end, until {@code stop} says so, or until it gets no better.
     *
     * @return the last status
     * @throws ArithmeticException if the loss or the gradient is no longer finite: says where; the parameters are then those before the
     *     step
     */
    public Status run(Listener listener, BooleanSupplier stop) throws IOException {
        Clock clock = new Clock(state.seconds(), state.step());
        double progress = progress(clock);
        long looks = looks(progress);
        while (progress < 1 && !stop.getAsBoolean() && !isExhausted()) {
            TrainingEvents.Step event = new TrainingEvents.Step();
            event.begin();
            // a rate of 0 would make the first step for nothing
            double learningRate = rate.at(
                    options.steps() > 0 ? (state.step() + 1.0) / options.steps() : Math.max(progress, FIRST_STEP));
            OptionalDouble loss = gradient(learningRate, stop);
            if (loss.isEmpty()) {
                break;
            }
            double gradientNorm = step(loss.getAsDouble(), learningRate);
            record(event, learningRate, gradientNorm);
            progress = progress(clock);
            status = status(clock, progress, learningRate, gradientNorm);
            listener.step(status);
            if (audit != null && state.step() % options.auditEvery() == 0) {
                audit(listener);
            }
            boolean last = progress >= 1;
            long looksDue = looks(progress);
            boolean look = last ? seeksBest() : looksDue > looks;
            looks = looksDue;
            if (look) {
                long sample = sample(progress);
                clock.exclude(() -> look(listener, sample));
            }
            if (!last && checkpoints.due(state.step(), look)) {
                clock.exclude(() -> save(listener, clock.seconds()));
            }
        }
        state = state(clock.seconds());
        return status;
    }

    /** Looks at what is held out before the first step, so that what the training begins with can be its best; again, if it was interrupted before that step. */
    public Evaluation lookFirst(Listener listener) throws IOException {
        state = TrainingState.START;
        return look(listener, sample(0));
    }

    private double progress(Clock clock) {
        double done =
                options.steps() > 0 ? (double) state.step() / options.steps() : clock.seconds() / options.seconds();
        return Math.min(done, 1);
    }

    /** How many looks are due until now. */
    private long looks(double progress) {
        if (options.evaluateEvery() > 0) {
            return state.step() / options.evaluateEvery();
        }
        return options.steps() > 0 ? state.step() * LOOKS / options.steps() : (long) (progress * LOOKS);
    }

    /** About how many tokens a look takes; always the same where looks are compared. */
    private long sample(double progress) {
        if (seeksBest()) {
            return MOST_SAMPLE;
        }
        double all = options.steps() > 0 || progress == 0 ? options.steps() : state.step() / progress;
        double steps = options.evaluateEvery() > 0 ? options.evaluateEvery() : all / LOOKS;
        long learned = (long) (steps * options.tokensPerStep());
        return Math.clamp(learned / LEARNED_A_SAMPLED, LEAST_SAMPLE, MOST_SAMPLE);
    }

    private boolean seeksBest() {
        return options.keepBest() || options.patience() > 0;
    }

    /** Whether the training ended, or ends, since what is held out was predicted no better for too long. */
    public boolean isExhausted() {
        return options.patience() > 0 && state.looksSinceBest() >= options.patience();
    }

    /** Makes the next step's gradient; its loss, or nothing if that was to stop before all batches were in it. */
    private OptionalDouble gradient(double learningRate, BooleanSupplier stop) {
        if (fused != null) {
            fused.prepare(state.step() + 1, learningRate);
        }
        share.begin();
        double loss = 0;
        for (int i = 0; i < options.accumulate(); i++) {
            if (i > 0 && stop.getAsBoolean()) {
                return OptionalDouble.empty();
            }
            loss += learn(state.step() * options.accumulate() + i, i > 0);
        }
        return OptionalDouble.of(loss);
    }

    /** Makes a step of the gradient; its norm, or NaN. */
    private double step(double loss, double learningRate) {
        long number = state.step() + 1;
        double gradientNorm = fused == null ? norm.of(gradients) : Double.NaN;
        if (!Double.isFinite(loss) || fused == null && !Double.isFinite(gradientNorm)) {
            throw new ArithmeticException("step " + number + ": the loss is " + loss + " and the gradient's norm "
                    + gradientNorm + "; try a lower learning rate");
        }
        double scale = options.clip() > 0 ? GradientNorm.clipScale(gradientNorm, options.clip()) : 1;
        for (Learned piece : pieces) {
            optimizer.update(piece, number, learningRate, scale);
        }
        double mean = number == 1 ? loss : state.loss() + (loss - state.loss()) / Math.min(number, SMOOTHING);
        state = new TrainingState(
                number, state.seconds(), mean, state.bestLoss(), state.bestStep(), state.looksSinceBest());
        return gradientNorm;
    }

    /** Learns from micro-batch {@code number} of the training; its share of the step's loss. */
    private double learn(long number, boolean accumulate) {
        batch.resize(options.batch());
        long first = number * options.batch();
        for (int i = 0; i < options.batch(); i++) {
            examples.examples().copy(examples.from() + order.at(first + i), batch, i);
        }
        try {
            HeadResult result = model.learn(
                    batch, number, accumulate, options.tokensPerStep(), fused == null ? null : fused.update());
            share.add(result);
            return result.loss();
        } catch (NonFiniteLogitException e) {
            String place = examples.examples().place(examples.from() + order.at(first + e.token()));
            throw new ArithmeticException("step " + (state.step() + 1) + ", "
                    + Evaluator.notFinite(place, e).getMessage()
                    + "; try a lower learning rate, and see that the data is finite");
        }
    }

    private void record(TrainingEvents.Step event, double learningRate, double gradientNorm) {
        event.number = state.step();
        event.tokens = options.tokensPerStep();
        event.loss = state.loss();
        event.learningRate = learningRate;
        event.gradientNorm = gradientNorm;
        event.commit();
    }

    private Status status(Clock clock, double progress, double learningRate, double gradientNorm) {
        return new Status(
                state.step(),
                progress,
                clock.seconds(),
                state.step() * options.tokensPerStep(),
                (state.step() - clock.firstStep()) * options.tokensPerStep() / clock.learning(),
                state.loss(),
                Double.isFinite(tokensPerByte) ? state.loss() * tokensPerByte / Math.log(2) : Double.NaN,
                learningRate,
                gradientNorm,
                share.density(),
                share.keptMass());
    }

    /** A look at some of what is held out. */
    private Evaluation look(Listener listener, long sample) throws IOException {
        TrainingEvents.Look event = new TrainingEvents.Look();
        event.begin();
        long every = Math.max(1, heldOut.count() / sample);
        Evaluation result = evaluate(every, Evaluator.TokenListener.NONE);
        event.number = state.step();
        event.tokens = result.tokens();
        event.loss = result.loss();
        event.commit();
        if (seeksBest()) {
            boolean better = result.loss() < state.bestLoss();
            state = new TrainingState(
                    state.step(),
                    state.seconds(),
                    state.loss(),
                    better ? result.loss() : state.bestLoss(),
                    better ? state.step() : state.bestStep(),
                    better ? 0 : state.looksSinceBest() + 1);
            if (better) {
                checkpoints.saveBest(state.step(), parameters);
            }
        }
        listener.evaluated(status, result, false);
        return result;
    }

    private void audit(Listener listener) throws IOException {
        double error = audit.run(state.step());
        listener.audited(status, audit.tokens(), error, Audit.BOUND);
        if (!(error <= Audit.BOUND)) {
            throw new ArithmeticException("audit at step " + state.step() + ": the relative error is " + error
                    + ", more than " + Audit.BOUND);
        }
    }

    private TrainingState state(double seconds) {
        return new TrainingState(
                state.step(), seconds, state.loss(), state.bestLoss(), state.bestStep(), state.looksSinceBest());
    }

    private void save(Listener listener, double seconds) throws IOException {
        if (!Double.isFinite(norm.of(everything.values().toArray(Matrix[]::new)))) {
            throw new ArithmeticException(
                    "after step " + state.step() + " not all parameters are finite; try a lower learning rate");
        }
        TrainingEvents.Save event = new TrainingEvents.Save();
        event.begin();
        long start = System.nanoTime();
        state = state(seconds);
        Path file = checkpoints.save(state, identity, everything);
        event.number = state.step();
        event.file = file.toString();
        event.commit();
        listener.saved(status, file, (System.nanoTime() - start) * 1e-9);
    }

    /** Saves the state in which {@link #run} ended, to be resumed. */
    public void save(Listener listener) throws IOException {
        save(listener, state.seconds());
    }

    /**
     * Where the best parameters are to be kept, makes them the model's: the training is over, for now at least.
     *
     * @return the step after which they were so, or else the last one
     */
    public long takeBest() throws IOException {
        if (seeksBest() && state.hasBest()) {
            checkpoints.loadBest(state.bestStep(), parameters);
            return state.bestStep();
        }
        return state.step();
    }

    /** Evaluates all of what is held out. */
    public Evaluation evaluate(Evaluator.TokenListener listener) {
        return evaluate(1, listener);
    }

    private Evaluation evaluate(long every, Evaluator.TokenListener listener) {
        try {
            return Evaluator.sample(model, evaluationBatch, heldOut, every, listener);
        } catch (ArithmeticException e) {
            throw new ArithmeticException("of what is held out, " + e.getMessage());
        }
    }
}
