package dev.panhead.trainer.cli;

import dev.panhead.trainer.model.ModelConfig;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** The options for the dimensions of a new model. */
@SectionedHelp.Section("A new model")
final class ModelShapeOptions {

    @Option(names = "--context", paramLabel = "N", description = "Tokens the encoder sees.")
    private int context = 16;

    @Option(names = "--embedding", paramLabel = "N", description = "Width of an embedding.")
    private int embedding = 32;

    @Option(names = "--width", paramLabel = "D", description = "Width of the encoder's hidden states.")
    private int width = 256;

    @Option(names = "--no-bias", negatable = true, description = "Whether the head has a bias.")
    private boolean bias = true;

    @Option(
            names = "--softcap",
            paramLabel = "C",
            description = "Bound of the logits z, which become C tanh(z / C); 0 for none.")
    private float softcap;

    @Option(names = "--logit-scale", paramLabel = "S", description = "What the logits are multiplied by.")
    private float logitScale = 1;

    int context() {
        return context;
    }

    /** A model with an encoder. */
    ModelConfig window(int vocabulary) {
        return checked(() -> new ModelConfig(
                new ModelConfig.Window(context, embedding), width, vocabulary, bias, softcap, logitScale));
    }

    /** A head for given hidden states. */
    ModelConfig head(int width, int vocabulary, boolean bias) {
        return checked(() -> new ModelConfig(null, width, vocabulary, bias && this.bias, softcap, logitScale));
    }

    /** What is out of range has the option's name. */
    private static ModelConfig checked(Supplier<ModelConfig> config) {
        try {
            return config.get();
        } catch (IllegalArgumentException e) {
            throw new UsageException("--" + e.getMessage(), e);
        }
    }
}
