package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Small steps before a process's first large one. A vector operation that C2 has not compiled yet goes through arrays, lane by lane, a
 * thousand times slower than after. Large steps on all cores would spend seconds like that: they make C2 compile the same
 * loops twice, once for the middle of a long run, and leave it no core to do so. Short loops on one thread are through in less than one.
 *
 * <p>Nothing but the time of calls depends on it.
 */
final class WarmUp {

    /** Products of a call, T d V for the loss and twice as many for the gradients, from which it is shorter to warm up than not to. */
    private static final double WORTH = 1e8;

    private static final int STEPS = 60;
    private static final long MOST_NANOS = 1_000_000_000;

    /** Of the small steps: a tile and a vocabulary block are filled, and begin anew. */
    private static final int TOKENS = 32;

    private static final int WIDTH = 32;
    private static final int VOCABULARY = Chunk.VOCABULARY_BLOCK + 8;

    /** What has been warmed up: nothing, the loss, or the gradients as well. */
    private static final AtomicInteger DONE = new AtomicInteger();

    private WarmUp() {}

    /** Warms up for a call, if it is large and the first of its kind. */
    static void before(long tokens, int width, int vocabulary, boolean gradients) {
        int kind = gradients ? 2 : 1;
        if (DONE.get() >= kind
                || (gradients ? 3.0 : 1.0) * tokens * width * vocabulary < WORTH
                || Kernels.current().vectorBits() == Float.SIZE
                || DONE.getAndAccumulate(kind, Math::max) >= kind) {
            return;
        }
        long begin = System.nanoTime();
        try (Arena arena = Arena.ofConfined();
                Workers workers = new Workers(1)) {
            LinearCrossEntropy head =
                    new LinearCrossEntropy(arena, workers, TOKENS, VOCABULARY, WIDTH, HeadOptions.DEFAULT);
            Matrix hidden = Matrix.allocate(arena, TOKENS, WIDTH);
            Matrix weight = Matrix.allocate(arena, VOCABULARY, WIDTH);
            HeadInputs inputs = HeadInputs.of(hidden, weight, Ints.allocate(arena, TOKENS));
            HeadOutputs outputs = gradients
                    ? HeadOutputs.gradients(
                            Matrix.allocate(arena, TOKENS, WIDTH), Matrix.allocate(arena, VOCABULARY, WIDTH))
                    : HeadOutputs.NONE;
            for (int i = 0; i < STEPS && System.nanoTime() - begin < MOST_NANOS; i++) {
                head.run(inputs, outputs);
            }
        }
    }
}
