package dev.panhead.trainer.model;

import com.sun.management.OperatingSystemMXBean;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.HeadResult;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
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

    private final ModelConfig config;
    private final ContextEncoder encoder;
    private final Parameter weight;
    private final Parameter bias;
    private final LinearCrossEntropy head;
    private final Matrix hiddenGradient;
    private final Matrix losses;

    /**
     * A new model.
     *
     * @param maxTokens the largest batch
     * @param seed of the initial weights
     * @throws IllegalArgumentException if it takes more memory than the machine has
     */
    public LanguageModel(Arena arena, Workers workers, ModelConfig config, int maxTokens, long seed) {
        requireMemory(config, maxTokens);
        this.config = config;
        SplittableRandom random = new SplittableRandom(seed);
        encoder = new WindowEncoder(arena, workers, config, maxTokens, random);
        weight = Parameter.normal(arena, HEAD_WEIGHT, config.vocabulary(), config.width(), 0.02, random);
        bias = Parameter.zeros(arena, HEAD_BIAS, 1, config.vocabulary());
        head = new LinearCrossEntropy(
                arena, workers, maxTokens, config.vocabulary(), config.width(), HeadOptions.DEFAULT);
        hiddenGradient = Matrix.allocate(arena, maxTokens, config.width());
        losses = Matrix.allocate(arena, 1, maxTokens);
    }

    private static void requireMemory(ModelConfig config, int maxTokens) {
        long bytes = WindowEncoder.bytes(config, maxTokens)
                + Parameter.bytes(config.vocabulary() + 1, config.width()) // the head
                + (long) Float.BYTES * maxTokens * config.width(); // its hidden gradient
        long memory = ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        if (bytes > memory) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%,d tokens a batch, context %,d, embedding %,d and width %,d take %.1f GB of memory, but there are %.1f GB",
                    maxTokens,
                    config.context(),
                    config.embedding(),
                    config.width(),
                    bytes * 1e-9,
                    memory * 1e-9));
        }
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

    /** b, 1 x V. */
    public Parameter bias() {
        return bias;
    }

    /** Everything that is trained. */
    public List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>(encoder.parameters());
        all.add(weight);
        all.add(bias);
        return List.copyOf(all);
    }

    /** Number of trained numbers. */
    public long size() {
        return parameters().stream().mapToLong(p -> p.value().size()).sum();
    }

    /**
     * Computes the mean loss of T targets after their contexts and all gradients.
     *
     * @param contexts T * context tokens
     * @param targets T tokens
     */
    public HeadResult learn(Ints contexts, Ints targets) {
        Matrix hidden = encoder.forward(contexts);
        Matrix gradient = hiddenGradient.rows(0, hidden.rows());
        HeadResult result = head.run(
                inputs(hidden, targets),
                HeadOutputs.gradients(gradient, weight.gradient()).withBias(Gradient.write(bias.gradient())));
        encoder.backward(gradient);
        return result;
    }

    /** Computes the targets' losses in nats, 1 x T, overwritten by the next call. */
    public Matrix losses(Ints contexts, Ints targets) {
        Matrix hidden = encoder.forward(contexts);
        Matrix each = losses.view(0, 0, 1, hidden.rows());
        head.run(inputs(hidden, targets), HeadOutputs.NONE.withLosses(each));
        return each;
    }

    private HeadInputs inputs(Matrix hidden, Ints targets) {
        return HeadInputs.of(hidden, weight.value(), targets).withBias(bias.value());
    }
}
