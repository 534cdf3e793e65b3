package dev.panhead.trainer.model;

import com.sun.management.OperatingSystemMXBean;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.HeadResult;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.optim.SliceUpdate;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.Batch;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/** An encoder and the head on top of it. One call at a time; the memory belongs to the arena. */
public final class LanguageModel {

    /** Names of the head's tensors, as checkpoints have them. */
    public static final String HEAD_WEIGHT = "lm_head.weight";

    /** Name of the head's bias. */
    public static final String HEAD_BIAS = "lm_head.bias";

    private final Arena arena;
    private final Workers workers;
    private final ModelConfig config;
    private final int maxTokens;
    private final ContextEncoder encoder;
    private final Parameter weight;
    private final Parameter bias;
    private final LinearCrossEntropy head;
    private final Matrix losses;
    private final Ints predictions;
    private LinearCrossEntropy learningHead;
    private List<Parameter> learned = List.of();
    private Matrix hiddenGradient;

    /**
     * What the model says of a batch, overwritten by the next call.
     *
     * @param losses of the T targets in nats, 1 x T
     * @param predictions the likeliest tokens, T
     */
    public record Scores(Matrix losses, Ints predictions) {}

    /**
     * A new model.
     *
     * @param maxTokens the largest batch
     * @param seed of the initial weights
     * @throws IllegalArgumentException if it takes more memory than the machine has
     */
    public static LanguageModel random(Arena arena, Workers workers, ModelConfig config, int maxTokens, long seed) {
        return new LanguageModel(arena, workers, config, maxTokens, new SplittableRandom(seed));
    }

    /**
     * A model whose parameters are all 0, to be set.
     *
     * @param maxTokens the largest batch
     * @throws IllegalArgumentException if it takes more memory than the machine has
     */
    public static LanguageModel ofZeros(Arena arena, Workers workers, ModelConfig config, int maxTokens) {
        return new LanguageModel(arena, workers, config, maxTokens, null);
    }

    private LanguageModel(Arena arena, Workers workers, ModelConfig config, int maxTokens, SplittableRandom random) {
        requireMemory(config, maxTokens, 1);
        this.arena = arena;
        this.workers = workers;
        this.config = config;
        this.maxTokens = maxTokens;
        encoder = config.window() == null
                ? new GivenStates()
                : new WindowEncoder(arena, workers, config, maxTokens, random);
        weight = Parameter.normal(arena, HEAD_WEIGHT, config.vocabulary(), config.width(), 0.02, random);
        bias = config.bias() ? Parameter.zeros(arena, HEAD_BIAS, 1, config.vocabulary()) : null;
        head = head(HeadOptions.DEFAULT);
        losses = Matrix.allocate(arena, 1, maxTokens);
        predictions = Ints.allocate(arena, maxTokens);
    }

    private static void requireMemory(ModelConfig config, int maxTokens, int copies) {
        long encoder = config.window() == null ? 0 : WindowEncoder.bytes(config, maxTokens);
        long bytes = copies * ((long) Float.BYTES * (config.vocabulary() + 1L) * config.width() + encoder)
                + (long) Float.BYTES * maxTokens * config.width();
        long memory = ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        if (bytes > memory) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%,d tokens a batch of width %,d, vocabulary %,d%s take %.1f GB of memory, but there are %.1f GB",
                    maxTokens,
                    config.width(),
                    config.vocabulary(),
                    config.window() == null
                            ? ""
                            : String.format(
                                    Locale.ROOT,
                                    ", context %,d and embedding %,d",
                                    config.window().context(),
                                    config.window().embedding()),
                    bytes * 1e-9,
                    memory * 1e-9));
        }
    }

    private LinearCrossEntropy head(HeadOptions options) {
        return new LinearCrossEntropy(
                arena,
                workers,
                maxTokens,
                config.vocabulary(),
                config.width(),
                options.withSoftcap(config.softcap()).withLogitScale(config.logitScale()));
    }

    /** The dimensions. */
    public ModelConfig config() {
        return config;
    }

    /** The encoder. */
    public ContextEncoder encoder() {
        return encoder;
    }

    /** W, V x d. */
    public Parameter weight() {
        return weight;
    }

    /** b, 1 x V; null if the head has none. */
    public Parameter bias() {
        return bias;
    }

    /** All parameters. */
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(encoder.parameters());
        all.add(weight);
        if (bias != null) {
            all.add(bias);
        }
        return List.copyOf(all);
    }

    /** Number of numbers in all parameters. */
    public long size() {
        return parameters().stream().mapToLong(p -> p.value().size()).sum();
    }

    /**
     * Takes the memory for training.
     *
     * @param options of the loss; a soft cap and a logit scale are the model's own
     * @param headOnly whether the encoder stays as it is
     * @param states how many matrices of each parameter's size the optimizer remembers
     * @throws IllegalArgumentException if it takes more memory than the machine has, or the head more than its options allow
     */
    public void prepare(HeadOptions options, boolean headOnly, int states) {
        requireMemory(config, maxTokens, 1 + (options.fusedUpdate() ? 0 : 1) + states);
        learningHead = headForLearning(options);
        List<Parameter> all = new ArrayList<>(parameters());
        if (headOnly) {
            all.removeAll(encoder.parameters());
        }
        learned = List.copyOf(all);
        for (Parameter parameter : learned) {
            if (parameter != weight || !options.fusedUpdate()) {
                parameter.allocateGradient(arena);
            }
        }
        boolean encoderLearns = !headOnly && !encoder.parameters().isEmpty();
        hiddenGradient = encoderLearns ? Matrix.allocate(arena, maxTokens, config.width()) : null;
    }

    /** A head for gradients, whose memory may be more than there is to be: says of what. */
    private LinearCrossEntropy headForLearning(HeadOptions options) {
        try {
            return head(options);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "up to %,d tokens a batch and a vocabulary of %,d: %s",
                            maxTokens,
                            config.vocabulary(),
                            e.getMessage()),
                    e);
        }
    }

    /** What is trained, after {@link #prepare}. */
    public List<Parameter> learned() {
        return learned;
    }

    /**
     * Computes the loss of T targets, the sum divided by {@code divisor}, and all gradients.
     *
     * @param number of the call in the training, by which gradients that are rounded at random differ
     * @param accumulate whether to add to the gradients there are
     * @param update applied to the weight instead of writing its gradient, or null
     */
    public HeadResult learn(Batch batch, long number, boolean accumulate, double divisor, SliceUpdate update) {
        ReadableMatrix hidden = encoder.forward(batch);
        HeadOutputs outputs = update == null
                ? HeadOutputs.NONE.withWeight(new Gradient(weight.gradient(), accumulate))
                : HeadOutputs.NONE.withWeightUpdate(update);
        if (bias != null) {
            outputs = outputs.withBias(new Gradient(bias.gradient(), accumulate));
        }
        Matrix gradient = hiddenGradient == null ? null : hiddenGradient.rows(0, hidden.rows());
        if (gradient != null) {
            outputs = outputs.withHidden(Gradient.write(gradient));
        }
        HeadResult result = learningHead.run(inputs(hidden, batch.targets()).withDivisor(divisor), outputs, number);
        if (gradient != null) {
            encoder.backward(gradient, accumulate);
        }
        return result;
    }

    /** Computes the targets' losses, without smoothing or penalties, and the predictions. */
    public Scores score(Batch batch) {
        ReadableMatrix hidden = encoder.forward(batch);
        Scores scores = new Scores(losses.view(0, 0, 1, hidden.rows()), predictions.view(0, hidden.rows()));
        head.run(
                inputs(hidden, batch.targets()),
                HeadOutputs.NONE.withLosses(scores.losses).withPredictions(scores.predictions));
        return scores;
    }

    private HeadInputs inputs(ReadableMatrix hidden, Ints targets) {
        HeadInputs inputs = HeadInputs.of(hidden, weight.value(), targets);
        return bias == null ? inputs : inputs.withBias(bias.value());
    }
}
