package dev.panhead.bench;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.Random;

/** Inputs of the benchmarks. */
final class Data {

    /** Rows that are drawn; the others repeat them, since drawing takes longer than measuring. */
    private static final int DRAWN = 61;

    private Data() {}

    static Matrix normal(Arena arena, int rows, int columns, float deviation) {
        Random random = new Random(rows * 31L + columns);
        Matrix matrix = Matrix.allocate(arena, rows, columns);
        for (int r = 0; r < Math.min(rows, DRAWN); r++) {
            for (int c = 0; c < columns; c++) {
                matrix.set(r, c, deviation * (float) random.nextGaussian());
            }
        }
        for (int r = DRAWN; r < rows; r += DRAWN) {
            int count = Math.min(DRAWN, rows - r);
            matrix.rows(r, r + count).copyFrom(matrix.rows(0, count));
        }
        return matrix;
    }

    static Ints targets(int tokens, int vocabulary) {
        return Ints.of(new Random(1).ints(tokens, 0, vocabulary).toArray());
    }
}
