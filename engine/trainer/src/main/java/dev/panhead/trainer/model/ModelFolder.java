package dev.panhead.trainer.model;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.format.AtomicFile;
import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Tokenizer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** A model on disk: {@code model.safetensors} and {@code config.json} in a folder. */
public final class ModelFolder {

    /** The tensors. */
    public static final String MODEL = "model.safetensors";

    /** The dimensions and how the model was trained. */
    public static final String CONFIG = "config.json";

    /** One line a report of the training. */
    public static final String METRICS = "metrics.jsonl";

    /** The kept tokens of a compact vocabulary, as ids of the whole one. */
    public static final String VOCABULARY = "vocabulary.json";

    /** The training as a page. */
    public static final String REPORT = "report.html";

    /** The loss over the training as a picture. */
    public static final String LOSS_PICTURE = "loss.png";

    /** What logits are capped to, in the configuration and in the metadata of the weights. */
    static final String SOFTCAP = "softcap";

    /** What they are multiplied by. */
    static final String LOGIT_SCALE = "logit_scale";

    /** What a weight's metadata may say of how its logits are bent. */
    public static final Set<String> BENDS = Set.of(SOFTCAP, LOGIT_SCALE);

    private static final String WINDOW = "panhead-window";
    private static final String HEAD = "panhead-head";
    private static final String TOKENIZER = "tokenizer";
    private static final String TYPE = "model_type";
    private static final String TRAINING = "training";

    /**
     * A model and how text becomes its tokens.
     *
     * @param model the model
     * @param tokenizer null if it takes hidden states
     */
    public record Loaded(LanguageModel model, Tokenizer tokenizer) {}

    private ModelFolder() {}

    /** The dimensions by name. */
    public static Map<String, Object> describe(ModelConfig config) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put(TYPE, config.window() == null ? HEAD : WINDOW);
        if (config.window() != null) {
            map.put("context", config.window().context());
            map.put("embedding", config.window().embedding());
        }
        map.put("width", config.width());
        map.put("vocabulary", config.vocabulary());
        map.put("bias", config.bias());
        map.put(SOFTCAP, config.softcap());
        map.put(LOGIT_SCALE, config.logitScale());
        return map;
    }

    /**
     * Writes a model, each file whole or not at all.
     *
     * @param tokenizer how text becomes tokens, or null if the model takes hidden states
     * @param training how it was trained, for the reader of {@code config.json}
     */
    public static void save(Path folder, LanguageModel model, Tokenizer tokenizer, Map<String, Object> training)
            throws IOException {
        Files.createDirectories(folder);
        LinkedHashMap<String, Matrix> tensors = new LinkedHashMap<>();
        model.parameters().forEach(p -> tensors.put(p.name(), p.value()));
        Safetensors.write(folder.resolve(MODEL), tensors, metadata(model.config()));
        Map<String, Object> config = describe(model.config());
        if (tokenizer != null) {
            config.put(TOKENIZER, tokenizer.describe());
            if (tokenizer.kept().length > 0) {
                writeJson(folder.resolve(VOCABULARY), JSON.std.asString(tokenizer.kept()));
            } else {
                Files.deleteIfExists(folder.resolve(VOCABULARY));
            }
        }
        config.put("parameters", model.size());
        config.put(TRAINING, training);
        writeJson(
                folder.resolve(CONFIG),
                JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(config));
    }

    /** What a file of weights alone must say of what becomes of the logits. */
    private static Map<String, String> metadata(ModelConfig config) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", "pt");
        if (config.softcap() != 0) {
            metadata.put(SOFTCAP, Float.toString(config.softcap()));
        }
        if (config.logitScale() != 1) {
            metadata.put(LOGIT_SCALE, Float.toString(config.logitScale()));
        }
        return metadata;
    }

    private static void writeJson(Path path, String json) throws IOException {
        AtomicFile.write(path, json.concat("\n").getBytes(StandardCharsets.UTF_8));
    }

    /** Whether a folder's configuration is of a model of this program's. */
    public static boolean isModel(Path folder) throws IOException {
        Object type = readJson(folder.resolve(CONFIG)).get(TYPE);
        return WINDOW.equals(type) || HEAD.equals(type);
    }

    /** Whether there is a model in a folder, of any training. */
    public static boolean exists(Path folder) {
        return Files.exists(folder.resolve(CONFIG)) && Files.exists(folder.resolve(MODEL));
    }

    /** Whether a folder holds a model whose training came to its end. */
    public static boolean isTrained(Path folder) throws IOException {
        return training(folder).containsKey("held_out_loss");
    }

    /**
     * Whether a folder holds a model of a training with these options and data, whole or interrupted.
     *
     * @param mayDiffer the names of those that need not be the same
     */
    public static boolean isOf(Path folder, Map<String, Object> training, Set<String> mayDiffer) throws IOException {
        Map<?, ?> was = training(folder);
        return !was.isEmpty()
                && training.entrySet().stream()
                        .allMatch(entry -> mayDiffer.contains(entry.getKey())
                                || String.valueOf(entry.getValue()).equals(String.valueOf(was.get(entry.getKey()))));
    }

    /** What is recorded of the training of the model in a folder; nothing, if there is none. */
    private static Map<?, ?> training(Path folder) throws IOException {
        return exists(folder) && readJson(folder.resolve(CONFIG)).get(TRAINING) instanceof Map<?, ?> was
                ? was
                : Map.of();
    }

    /**
     * Reads a model.
     *
     * @param maxTokens the largest batch
     * @throws IOException if the folder holds none, or a broken one: says which file and why
     */
    public static Loaded load(Path folder, Arena arena, Workers workers, int maxTokens) throws IOException {
        Path configPath = folder.resolve(CONFIG);
        Path path = folder.resolve(MODEL);
        for (Path needed : new Path[] {configPath, path}) {
            if (!Files.exists(needed)) {
                throw new IOException("there is no model in " + folder + ": " + needed + " is missing");
            }
        }
        Map<String, Object> json = readJson(configPath);
        LanguageModel model;
        Tokenizer tokenizer;
        try {
            ModelConfig config = config(json);
            tokenizer = config.window() == null ? null : tokenizer(folder, json);
            if (tokenizer != null && tokenizer.size() != config.vocabulary()) {
                throw new IllegalArgumentException("vocabulary is " + config.vocabulary() + ", but the tokenizer "
                        + tokenizer.name() + " has " + tokenizer.size() + " tokens");
            }
            model = LanguageModel.ofZeros(arena, workers, config, maxTokens);
        } catch (IllegalArgumentException e) {
            throw new IOException(configPath + ": " + e.getMessage(), e);
        }
        // Shared, as the engine's memory is: where none has been confined, its loops are compiled to less.
        try (Arena mapping = Arena.ofShared()) {
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
        return new Loaded(model, tokenizer);
    }

    private static ModelConfig config(Map<String, Object> json) {
        ModelConfig.Window window =
                switch (String.valueOf(json.get(TYPE))) {
                    case WINDOW -> new ModelConfig.Window(integer(json, "context"), integer(json, "embedding"));
                    case HEAD -> null;
                    default ->
                        throw new IllegalArgumentException(
                                TYPE + " is " + json.get(TYPE) + ", not " + WINDOW + " or " + HEAD);
                };
        return new ModelConfig(
                window,
                integer(json, "width"),
                integer(json, "vocabulary"),
                !Boolean.FALSE.equals(json.get("bias")),
                number(json, SOFTCAP, 0),
                number(json, LOGIT_SCALE, 1));
    }

    private static Tokenizer tokenizer(Path folder, Map<String, Object> json) throws IOException {
        Path path = folder.resolve(VOCABULARY);
        Map<String, Object> description = description(json);
        try {
            int[] kept = Files.exists(path) ? JSON.std.beanFrom(int[].class, Files.readString(path)) : new int[0];
            return Tokenizer.of(description, kept);
        } catch (JsonProcessingException e) {
            throw new IOException(path + " is not a JSON array of numbers" + place(e), e);
        } catch (IllegalArgumentException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }

    private static Map<String, Object> description(Map<String, Object> json) {
        if (json.get(TOKENIZER) instanceof Map<?, ?> map) {
            Map<String, Object> description = new LinkedHashMap<>();
            map.forEach((name, value) -> description.put(String.valueOf(name), value));
            return description;
        }
        throw new IllegalArgumentException(TOKENIZER + " is " + json.get(TOKENIZER) + ", not an object");
    }

    private static Map<String, Object> readJson(Path path) throws IOException {
        try {
            return JSON.std.mapFrom(Files.readString(path));
        } catch (JsonProcessingException e) {
            throw new IOException(path + " is not a JSON object" + place(e), e);
        }
    }

    private static String place(JsonProcessingException e) {
        return e.getLocation() == null ? "" : ", see line " + e.getLocation().getLineNr();
    }

    private static int integer(Map<String, Object> json, String name) {
        if (json.get(name) instanceof Integer value) {
            return value;
        }
        throw new IllegalArgumentException(name + " is " + json.get(name) + ", not an integer");
    }

    private static float number(Map<String, Object> json, String name, float absent) {
        return switch (json.get(name)) {
            case null -> absent;
            case Number value -> value.floatValue();
            default -> throw new IllegalArgumentException(name + " is " + json.get(name) + ", not a number");
        };
    }
}
