package dev.panhead.bench.peers;

import dev.panhead.exec.Workers;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** The same numbers in every process: a real head's, or random ones, where each row has a generator of its own. */
final class Inputs {

    static final int IGNORED = -100;

    static final RandomGeneratorFactory<RandomGenerator> GENERATORS = RandomGeneratorFactory.of("L64X128MixRandom");

    final Workload workload;
    private final Arena arena;

    /** Null for random numbers. */
    private final RealHead.Contents real;

    Inputs(Workload workload, Arena arena) throws IOException {
        this.workload = workload;
        this.arena = arena;
        real = workload.real() == null ? null : workload.real().read(arena);
    }

    /** X, T x d. */
    Matrix hidden() {
        return real != null ? real.hidden() : normal(arena, workload.tokens(), workload.width(), 1, 1);
    }

    /** W, V x d. */
    Matrix weight() {
        return real != null ? real.weight() : normal(arena, workload.vocabulary(), workload.width(), 2, 0.02f);
    }

    /** b, 1 x V; for {@link Workload.Kind#BIASED_STEP} only. */
    Matrix bias() {
        return real.bias();
    }

    /** Z, T x V. */
    Matrix logits() {
        return normal(arena, workload.tokens(), workload.vocabulary(), 3, 1);
    }

    /** dW, V x d, for the optimizer. */
    Matrix gradient() {
        return normal(arena, workload.vocabulary(), workload.width(), 4, 1);
    }

    int[] targets() {
        if (real != null) {
            return real.targets();
        }
        SplittableRandom random = new SplittableRandom(5);
        int[] targets = new int[workload.tokens()];
        for (int t = 0; t < targets.length; t++) {
            int target = random.nextInt(workload.vocabulary());
            targets[t] = random.nextDouble() < workload.ignored() ? IGNORED : target;
        }
        return targets;
    }

    /** Random normal numbers. */
    static Matrix normal(Arena arena, int rows, int columns, long seed, float deviation) {
        Matrix matrix = Matrix.allocate(arena, rows, columns);
        try (Workers workers = new Workers()) {
            workers.run(rows, (row, worker) -> {
                RandomGenerator random = GENERATORS.create(seed * 1_000_003 + row);
                for (int column = 0; column < columns; column++) {
                    matrix.set(row, column, deviation * (float) random.nextGaussian());
                }
            });
        }
        return matrix;
    }
}
