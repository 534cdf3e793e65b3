package dev.panhead.bench.peers;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What is measured. Without a real head X is T x d, random normal; W is V x d, random normal times 0.02; targets are uniform.
 *
 * @param name as on the command line
 * @param kind which computation
 * @param tokens T
 * @param width d
 * @param vocabulary V
 * @param ignored share of the targets that are ignored
 * @param threads how many each side may use
 * @param real whose hidden states, labels, weight and bias are taken; null for random numbers
 */
record Workload(
        String name, Kind kind, int tokens, int width, int vocabulary, double ignored, int threads, RealHead real) {

    /** The computations, and what each leaves behind. */
    enum Kind {
        /** Loss, dX and dW. */
        STEP(Part.LOSS, Part.HIDDEN_GRADIENT, Part.WEIGHT_GRADIENT),
        /** Loss, dX, dW and db, the logits with a bias. */
        BIASED_STEP(Part.LOSS, Part.HIDDEN_GRADIENT, Part.WEIGHT_GRADIENT, Part.BIAS_GRADIENT),
        /** Mean loss only. */
        LOSS(Part.LOSS),
        /** Log-softmax of T rows of V logits. */
        LOG_SOFTMAX(Part.LOG_PROBABILITIES),
        /** Logits and their log-softmax. */
        DECODE(Part.LOG_PROBABILITIES),
        /** One AdamW update of W. */
        ADAMW(Part.WEIGHT),
        /** Z = X W^T. */
        GEMM_LOGITS(Part.PRODUCT),
        /** Z W. */
        GEMM_HIDDEN(Part.PRODUCT),
        /** Z^T X. */
        GEMM_WEIGHT(Part.PRODUCT);

        final List<Part> parts;

        Kind(Part... parts) {
            this.parts = List.of(parts);
        }

        boolean isGemm() {
            return parts.getFirst() == Part.PRODUCT;
        }
    }

    /** A result, by rows. */
    enum Part {
        /** One number. */
        LOSS,
        /** T x d. */
        HIDDEN_GRADIENT,
        /** V x d. */
        WEIGHT_GRADIENT,
        /** 1 x V. */
        BIAS_GRADIENT,
        /** T x V. */
        LOG_PROBABILITIES,
        /** V x d. */
        WEIGHT,
        /** The product's. */
        PRODUCT
    }

    /** AdamW's settings, and the step's number. */
    static final double RATE = 1e-3;

    static final double BETA1 = 0.9;
    static final double BETA2 = 0.95;
    static final double EPSILON = 1e-8;
    static final double DECAY = 0.1;

    /** Those of random numbers. */
    static final List<Workload> RANDOM = List.of(
            new Workload("W1", Kind.STEP, 1024, 768, 32_000, 0, 2),
            new Workload("W2", Kind.STEP, 1024, 768, 50_257, 0, 2),
            new Workload("W3", Kind.STEP, 512, 896, 151_936, 0, 2),
            new Workload("W4", Kind.STEP, 4096, 128, 32_000, 0, 2),
            new Workload("W5", Kind.STEP, 8192, 64, 8192, 0, 2),
            new Workload("W6", Kind.STEP, 16_384, 256, 512, 0, 2),
            new Workload("W7", Kind.STEP, 1024, 768, 50_257, 0.6, 2),
            new Workload("W8", Kind.LOSS, 1024, 768, 50_257, 0, 2),
            new Workload("W9", Kind.LOG_SOFTMAX, 1024, 0, 50_257, 0, 2),
            new Workload("W10-1", Kind.DECODE, 1, 768, 50_257, 0, 2),
            new Workload("W10-4", Kind.DECODE, 4, 768, 50_257, 0, 2),
            new Workload("W10-16", Kind.DECODE, 16, 768, 50_257, 0, 2),
            new Workload("W11", Kind.ADAMW, 0, 768, 50_257, 0, 2),
            new Workload("W12-logits", Kind.GEMM_LOGITS, 1024, 768, 50_257, 0, 1),
            new Workload("W12-hidden", Kind.GEMM_HIDDEN, 1024, 768, 50_257, 0, 1),
            new Workload("W12-weight", Kind.GEMM_WEIGHT, 1024, 768, 50_257, 0, 1));

    /** One of random numbers. */
    Workload(String name, Kind kind, int tokens, int width, int vocabulary, double ignored, int threads) {
        this(name, kind, tokens, width, vocabulary, ignored, threads, null);
    }

    /** All there are: those of random numbers, and those whose files lie in the folder, which may be null for none. */
    static List<Workload> all(Path folder) throws IOException {
        List<Workload> all = new ArrayList<>(RANDOM);
        for (RealHead head : folder == null ? List.<RealHead>of() : RealHead.in(folder)) {
            all.add(head.workload());
        }
        return all;
    }

    /**
     * One of {@link #all}, by its name in either case.
     *
     * @throws IllegalArgumentException if there is none of that name: says which files would give one
     */
    static Workload named(String name, Path folder) throws IOException {
        return all(folder).stream()
                .filter(workload -> workload.name.equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(RealHead.Model.named(name)
                        .map(model -> "workload " + model + " needs --data FOLDER with " + model.hiddenFile() + " and "
                                + model.headFile() + " in it")
                        .orElse("there is no workload " + name)));
    }

    /** The rows of a part that are compared with the oracle. */
    int[] sampledRows(Part part, int[] targets) {
        int rows =
                switch (part) {
                    case LOSS, BIAS_GRADIENT -> 1;
                    case HIDDEN_GRADIENT, LOG_PROBABILITIES -> tokens;
                    case WEIGHT_GRADIENT, WEIGHT -> vocabulary;
                    case PRODUCT -> kind == Kind.GEMM_WEIGHT ? vocabulary : tokens;
                };
        int count = Math.min(rows, 16);
        int[] sampled = new int[count];
        for (int i = 0; i < count; i++) {
            sampled[i] = (int) ((long) i * rows / count);
            if (part == Part.WEIGHT_GRADIENT && i % 2 == 1 && targets[i] >= 0) {
                sampled[i] = targets[i];
            }
        }
        return sampled;
    }

    @Override
    public String toString() {
        return name + " (" + kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ') + ", " + tokens + " x "
                + width + " x " + vocabulary + ")";
    }
}
