package dev.panhead.trainer.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.format.AtomicFile;
import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A model on disk: {@code model.safetensors} and {@code config.json} in a folder. */
public final class ModelFolder {

    /** The tensors. */
    public static final String MODEL = "model.safetensors";

    /** The dimensions and how the model was trained. */
    public static final String CONFIG = "config.json";

    /** One line a report of the training. */
    public static final String METRICS = "metrics.jsonl";

    private static final String KIND = "panhead-window";

    private ModelFolder() {}

    /**
     * Writes a model, each file whole or not at all.
     *
     * @param training how it was trained, for the reader of {@code config.json}
     */
    public static void save(Path folder, LanguageModel model, Map<String, Object> training) throws IOException {
        Files.createDirectories(folder);
        LinkedHashMap<String, Matrix> tensors = new LinkedHashMap<>();
        model.parameters().forEach(p -> tensors.put(p.name(), p.value()));
        Safetensors.write(folder.resolve(MODEL), tensors, Map.of("format", "pt"));
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("model_type", KIND);
        config.put("context", model.config().context());
        config.put("embedding", model.config().embedding());
        config.put("width", model.config().width());
        config.put("vocabulary", model.config().vocabulary());
        config.put("parameters", model.size());
        config.put("training", training);
        byte[] json = JSON.std
                .with(JSON.Feature.PRETTY_PRINT_OUTPUT)
                .asString(config)
                .concat("\n")
                .getBytes(StandardCharsets.UTF_8);
        AtomicFile.write(folder.resolve(CONFIG), channel -> {
            ByteBuffer bytes = ByteBuffer.wrap(json);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /**
     * Reads a model.
     *
     * @throws IOException if the folder holds none, or a broken one: says which file and why
     */
    public static LanguageModel load(Path folder, Arena arena, Workers workers, int maxTokens) throws IOException {
        ModelConfig config = readConfig(folder);
        LanguageModel model = new LanguageModel(arena, workers, config, maxTokens, 0);
        Path path = folder.resolve(MODEL);
        if (!Files.exists(path)) {
            throw new IOException("there is no model in " + folder + ": " + path + " is missing");
        }
        try (Arena mapping = Arena.ofConfined()) {
            Safetensors file = Safetensors.open(path, mapping);
            for (Parameter parameter : model.parameters()) {
                Matrix stored = file.matrix(parameter.name(), mapping);
                try {
                    parameter.value().copyFrom(stored);
                } catch (IllegalArgumentException e) {
                    throw new IOException(
                            path + ": tensor " + parameter.name() + " does not fit " + CONFIG + ": " + e.getMessage(),
                            e);
                }
            }
        }
        return model;
    }

    private static ModelConfig readConfig(Path folder) throws IOException {
        Path path = folder.resolve(CONFIG);
        if (!Files.exists(path)) {
            throw new IOException("there is no model in " + folder + ": " + path + " is missing");
        }
        try {
            Map<String, Object> config = JSON.std.mapFrom(Files.readString(path));
            if (!KIND.equals(config.get("model_type"))) {
                throw new IOException(path + ": model_type is " + config.get("model_type") + ", not " + KIND);
            }
            return new ModelConfig(
                    integer(path, config, "context"),
                    integer(path, config, "embedding"),
                    integer(path, config, "width"),
                    integer(path, config, "vocabulary"));
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null
                    ? ""
                    : ", see line " + e.getLocation().getLineNr();
            throw new IOException(path + " is not a JSON object" + place, e);
        } catch (IllegalArgumentException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }

    private static int integer(Path path, Map<String, Object> config, String name) throws IOException {
        if (config.get(name) instanceof Integer value) {
            return value;
        }
        throw new IOException(path + ": " + name + " is " + config.get(name) + ", not an integer");
    }
}
