package dev.panhead.bench;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Inputs of the benchmarks. */
final class Data {

    private Data() {}

    /** Normally distributed numbers, each row drawn by a generator of its own, so that all processors draw. */
    static Matrix normal(Arena arena, int rows, int columns, float deviation) {
        Matrix matrix = Matrix.allocate(arena, rows, columns);
        IntStream.range(0, rows).parallel().forEach(r -> {
            SplittableRandom random = new SplittableRandom((long) r * columns + rows);
            for (int c = 0; c < columns; c++) {
                matrix.set(r, c, deviation * (float) random.nextGaussian());
            }
        });
        return matrix;
    }

    /** Fills memory with numbers around 1: there are processors that neither multiply nor store zeros at the usual price. */
    static void fill(MemorySegment memory) {
        long floats = memory.byteSize() / Float.BYTES;
        LongStream.range(0, floats)
                .parallel()
                .forEach(i -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + 0x1p-7f * (i % 61)));
    }

    static Ints targets(int tokens, int vocabulary) {
        return Ints.of(new Random(1).ints(tokens, 0, vocabulary).toArray());
    }
}
