package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Kind;
import dev.panhead.format.Safetensors;
import dev.panhead.format.Safetensors.Tensor;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The head of a real model, in two files: hidden states with the labels they are to predict; and the weight, with a bias or not.
 *
 * @param model whose
 * @param folder where the files lie
 */
record RealHead(Model model, Path folder) {

    private static final String HIDDEN = "hidden_states";
    private static final String LABELS = "labels";
    private static final String WEIGHT = "lm_head.weight";
    private static final String BIAS = "lm_head.bias";

    /** How many threads each side may use. */
    private static final int THREADS = 2;

    /** The models, each by its workload's name. */
    enum Model {
        /** BERT's head for masked words. */
        BERT("bert-mlm"),
        /** The head of a model of children's stories with 260,000 parameters. */
        TINY("tinystories260k");

        private final String files;

        Model(String files) {
            this.files = files;
        }

        String hiddenFile() {
            return files + "-hidden.safetensors";
        }

        String headFile() {
            return files + "-head.safetensors";
        }

        /** The model of that name, in either case. */
        static Optional<Model> named(String name) {
            return List.of(values()).stream()
                    .filter(model -> model.name().equalsIgnoreCase(name))
                    .findFirst();
        }
    }

    /**
     * What the files hold.
     *
     * @param hidden X, T x d
     * @param targets T labels
     * @param weight W, V x d
     * @param bias b, 1 x V, or null for none
     */
    record Contents(Matrix hidden, int[] targets, Matrix weight, Matrix bias) {}

    /** Those that have both their files in the folder. */
    static List<RealHead> in(Path folder) {
        List<RealHead> heads = new ArrayList<>();
        for (Model model : Model.values()) {
            if (Files.exists(folder.resolve(model.hiddenFile())) && Files.exists(folder.resolve(model.headFile()))) {
                heads.add(new RealHead(model, folder));
            }
        }
        return heads;
    }

    /** All the tokens, with the shapes that the files say. */
    Workload workload() throws IOException {
        try (Arena arena = Arena.ofShared()) {
            Safetensors head = head(arena);
            Tensor hidden = states(arena).tensor(HIDDEN);
            Tensor weight = head.tensor(WEIGHT);
            return new Workload(
                    model.name(),
                    head.names().contains(BIAS) ? Kind.BIASED_STEP : Kind.STEP,
                    Math.toIntExact(hidden.shape().getFirst()),
                    Math.toIntExact(hidden.shape().getLast()),
                    Math.toIntExact(weight.shape().getFirst()),
                    0,
                    THREADS,
                    this);
        }
    }

    /** Reads the files; all is memory of the arena's. */
    Contents read(Arena arena) throws IOException {
        Safetensors states = states(arena);
        Safetensors head = head(arena);
        Ints labels = states.targets(LABELS, arena);
        int[] targets = new int[labels.size()];
        for (int t = 0; t < targets.length; t++) {
            targets[t] = labels.get(t);
        }
        return new Contents(
                states.matrix(HIDDEN, arena),
                targets,
                head.matrix(WEIGHT, arena),
                head.names().contains(BIAS) ? head.matrix(BIAS, arena) : null);
    }

    private Safetensors states(Arena arena) throws IOException {
        return Safetensors.open(folder.resolve(model.hiddenFile()), arena);
    }

    private Safetensors head(Arena arena) throws IOException {
        return Safetensors.open(folder.resolve(model.headFile()), arena);
    }
}
