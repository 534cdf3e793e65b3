package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * What a measured process runs: steps of the head, back to back. It writes the times when the first one began and when each one
 * ended, in microseconds since 1970, once all are done, so that no writing is measured.
 */
final class ColdStart {

    static final int TOKENS = 256;
    static final int WIDTH = 256;
    static final int VOCABULARY = 8192;
    private static final int MOST_STEPS = 1 << 20;

    private ColdStart() {}

    /** Runs steps on {@code arguments[0]} threads, begun within {@code arguments[1]} seconds. */
    public static void main(String[] arguments) {
        int threads = Integer.parseInt(arguments[0]);
        long nanos = 1_000_000_000L * Integer.parseInt(arguments[1]);
        long[] ends = new long[MOST_STEPS];
        int steps = 0;
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(threads)) {
            LinearCrossEntropy head =
                    new LinearCrossEntropy(arena, workers, TOKENS, VOCABULARY, WIDTH, HeadOptions.DEFAULT);
            HeadInputs inputs = HeadInputs.of(
                    Data.normal(arena, TOKENS, WIDTH, 1),
                    Data.normal(arena, VOCABULARY, WIDTH, 0.02f),
                    Data.targets(TOKENS, VOCABULARY));
            HeadOutputs gradients = HeadOutputs.gradients(
                    Matrix.allocate(arena, TOKENS, WIDTH), Matrix.allocate(arena, VOCABULARY, WIDTH));
            long begin = System.nanoTime();
            long wall = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
            do {
                head.run(inputs, gradients);
                ends[steps++] = System.nanoTime() - begin;
            } while (ends[steps - 1] < nanos && steps < MOST_STEPS);
            System.out.println(wall);
            for (int i = 0; i < steps; i++) {
                System.out.println(wall + ends[i] / 1000);
            }
        }
    }
}
