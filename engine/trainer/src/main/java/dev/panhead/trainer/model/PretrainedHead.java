package dev.panhead.trainer.model;

import dev.panhead.format.FormatException;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.TensorFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.regex.Pattern;

/**
 * A head to start from.
 *
 * @param weight W, V x d, mapped
 * @param bias b, 1 x V, or null
 * @param softcap what the file says that logits are capped to, or 0
 * @param logitScale what it says that they are multiplied by, or 1
 */
public record PretrainedHead(ReadableMatrix weight, Matrix bias, float softcap, float logitScale) {

    private static final String WEIGHT = ".weight";
    private static final String BIAS = ".bias";

    /** What models call the embedding of their tokens. */
    private static final Pattern EMBEDDING =
            Pattern.compile("(.*\\.)?(embed_tokens|wte|word_embeddings|tok_embeddings|embed_in)\\.weight");

    /** New rows differ from the mean of the old ones by this share of their deviation. */
    private static final double NOISE = 0.1;

    /**
     * Maps a weight and, if there is one, its bias of a safetensors file, a folder of them or their index.
     *
     * @param tensor the weight's name, null for {@code lm_head.weight}; the bias has {@code .bias} in the place of {@code .weight}
     * @throws IOException if the weight is not there or the two do not fit
     */
    public static PretrainedHead open(Path path, String tensor, Arena arena) throws IOException {
        if (path.toString().toLowerCase(Locale.ROOT).endsWith(".npy")) {
            throw new IOException(path + ": a head is read from .safetensors files, not from .npy ones");
        }
        String name = tensor == null ? LanguageModel.HEAD_WEIGHT : tensor;
        TensorFiles files = TensorFiles.open(path, arena);
        if (!files.has(name)) {
            Optional<String> embedding =
                    files.names().stream().filter(EMBEDDING.asMatchPredicate()).findFirst();
            if (embedding.isPresent()) {
                throw new IOException(path + ": there is no tensor " + name + "; if the head is tied to the embedding,"
                        + " --head-tensor " + embedding.get());
            }
        }
        ReadableMatrix weight = files.view(name);
        Matrix bias = null;
        String biasName = name.endsWith(WEIGHT) ? name.substring(0, name.length() - WEIGHT.length()) + BIAS : null;
        if (biasName != null && files.has(biasName)) {
            bias = files.file(biasName).matrix(biasName, arena);
            if (bias.rows() != 1 || bias.columns() != weight.rows()) {
                throw new FormatException(path + ": " + name + " has " + weight.rows() + " rows, but " + biasName
                        + " is " + bias.rows() + " x " + bias.columns());
            }
        }
        Map<String, String> metadata = files.file(name).metadata();
        return new PretrainedHead(
                weight,
                bias,
                number(path, metadata, ModelFolder.SOFTCAP, 0),
                number(path, metadata, ModelFolder.LOGIT_SCALE, 1));
    }

    private static float number(Path path, Map<String, String> metadata, String name, float otherwise)
            throws FormatException {
        String text = metadata.get(name);
        try {
            return text == null ? otherwise : Float.parseFloat(text);
        } catch (NumberFormatException e) {
            throw new FormatException(path + ": " + name + " is '" + text + "', not a number", e);
        }
    }

    /** Number of rows. */
    public int vocabulary() {
        return weight.rows();
    }

    /** d. */
    public int width() {
        return weight.columns();
    }

    /**
     * Makes this a model's head. Rows that the model has beyond these become their mean and some noise; a bias likewise, or 0 if this head has
     * none; a model without a bias takes none.
     *
     * @param seed of the noise
     */
    public void copyInto(LanguageModel model, long seed) {
        Matrix old = model.weight().value().rows(0, vocabulary());
        switch (weight) {
            case Matrix floats -> old.copyFrom(floats);
            case HalfMatrix halves -> {
                for (int v = 0; v < vocabulary(); v++) {
                    for (int c = 0; c < width(); c++) {
                        old.set(v, c, halves.get(v, c));
                    }
                }
            }
        }
        if (bias != null && model.bias() != null) {
            model.bias().value().view(0, 0, 1, vocabulary()).copyFrom(bias);
        }
        if (model.config().vocabulary() > vocabulary()) {
            fillNewRows(model, new SplittableRandom(seed));
        }
    }

    private void fillNewRows(LanguageModel model, SplittableRandom random) {
        double[] sums = new double[width()];
        double[] squares = new double[width()];
        for (int v = 0; v < vocabulary(); v++) {
            for (int c = 0; c < width(); c++) {
                double value = weight.get(v, c);
                sums[c] += value;
                squares[c] += value * value;
            }
        }
        double biasSum = 0;
        for (int v = 0; bias != null && v < vocabulary(); v++) {
            biasSum += bias.get(0, v);
        }
        for (int v = vocabulary(); v < model.config().vocabulary(); v++) {
            for (int c = 0; c < width(); c++) {
                double mean = sums[c] / vocabulary();
                double deviation = Math.sqrt(Math.max(0, squares[c] / vocabulary() - mean * mean));
                model.weight().value().set(v, c, (float) (mean + NOISE * deviation * Parameter.normal(random)));
            }
            if (bias != null && model.bias() != null) {
                model.bias().value().set(0, v, (float) (biasSum / vocabulary()));
            }
        }
    }
}
