package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Small steps before a process's first large one. A vector operation that C2 has not compiled yet goes through arrays, lane by lane, a
 * thousand times slower than after. Large steps on all cores would spend seconds like that: they make C2 compile the same
 * loops twice, once for the middle of a long run, and leave it no core to do so. Short loops on one thread are through in less than one.
 *
 * <p>Nothing but the time of calls depends on it.
 */
final class WarmUp {

    /** Multiply-adds of a call from which it is shorter to warm up than not to. */
    private static final double WORTH = 1e8;

    private static final int STEPS = 60;

    /** After so many there is next to nothing left to compile. */
    private static final int ENOUGH_STEPS = 600;

    private static final long MOST_NANOS = 1_000_000_000;

    /** Of the small steps: tiles are filled, and there is a vocabulary block that is added to the first. */
    private static final int TOKENS = 32;

    private static final int WIDTH = 32;
    private static final int VOCABULARY = Chunk.VOCABULARY_BLOCK + 8;

    /** What a process has warmed up. */
    private enum Stage {
        NOTHING,
        LOSS,
        GRADIENTS
    }

    private static final AtomicReference<Stage> DONE = new AtomicReference<>(Stage.NOTHING);

    private WarmUp() {}

    /**
     * Warms up for a call, if it is large and the first of its kind. Calls that come meanwhile do not wait; one that is interrupted leaves
     * it to the next.
     *
     * @return whether it has
     */
    static boolean before(long tokens, int width, int vocabulary, boolean gradients) {
        Stage done = DONE.get();
        Stage wanted = gradients ? Stage.GRADIENTS : Stage.LOSS;
        double work = (gradients ? 3.0 : 1.0) * tokens * width * vocabulary;
        if (done.compareTo(wanted) >= 0
                || work < WORTH
                || Kernels.current().vectorBits() == Float.SIZE
                || !DONE.compareAndSet(done, wanted)) {
            return false;
        }
        try {
            makeSteps(gradients, STEPS, MOST_NANOS);
            return true;
        } catch (OutOfMemoryError e) {
            return false; // which the call may not need
        } catch (CancellationException e) {
            DONE.set(done);
            throw e;
        }
    }

    /** Warms up for calls of all kinds and sizes, for as long as it takes. */
    static void now() {
        if (Kernels.current().vectorBits() > Float.SIZE) {
            makeSteps(true, ENOUGH_STEPS, Long.MAX_VALUE);
            DONE.set(Stage.GRADIENTS);
        }
    }

    private static void makeSteps(boolean gradients, int steps, long mostNanos) {
        long begin = System.nanoTime();
        // Of the kind that calls mostly come with: C2 makes code for what it has seen, and again for another kind.
        try (Arena arena = Arena.ofShared();
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
            for (int i = 0; i < steps && System.nanoTime() - begin < mostNanos; i++) {
                head.run(inputs, outputs);
            }
        }
    }
}
