package dev.panhead.reference;

import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Test data: the same on every machine, made by integer arithmetic alone. */
public final class Numbers {

    private long state;

    public Numbers(long seed) {
        state = seed * 0x9e3779b97f4a7c15L + 0x1234567;
    }

    private long next() {
        state += 0x9e3779b97f4a7c15L;
        long z = (state ^ (state >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    public int below(int bound) {
        return (int) Math.floorMod(next(), (long) bound);
    }

    /** About normal, mean 0, deviation 1: a sum of uniform numbers of 20 bits. */
    public float normal() {
        long sum = 0;
        for (int i = 0; i < 12; i++) {
            sum += next() >>> 44;
        }
        return (sum - 6 * (1L << 20)) * 0x1p-20f;
    }

    /** A matrix of normal numbers whose padding between the rows is NaN, with an odd stride. */
    public Matrix padded(Arena arena, int rows, int columns, float scale) {
        Matrix matrix = nanPadded(arena, rows, columns);
        fill(matrix, scale);
        return matrix;
    }

    public Matrix matrix(Arena arena, int rows, int columns, float scale) {
        Matrix matrix = Matrix.allocate(arena, rows, columns);
        fill(matrix, scale);
        return matrix;
    }

    public void fill(Matrix matrix, float scale) {
        for (int r = 0; r < matrix.rows(); r++) {
            for (int c = 0; c < matrix.columns(); c++) {
                matrix.set(r, c, scale * normal());
            }
        }
    }

    public Ints targets(int tokens, int vocabulary) {
        int[] targets = new int[tokens];
        for (int t = 0; t < tokens; t++) {
            targets[t] = below(vocabulary);
        }
        return Ints.of(targets);
    }

    private static final int PADDING = 5;

    /** A matrix full of NaN, in a segment full of NaN: rows 5 floats apart, and 5 more at either end. */
    public static Matrix nanPadded(Arena arena, int rows, int columns) {
        long stride = columns + PADDING;
        MemorySegment segment = arena.allocate((rows * stride + 2 * PADDING) * Float.BYTES, 4);
        for (long i = 0; i < segment.byteSize() / Float.BYTES; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.NaN);
        }
        return Matrix.wrap(segment.asSlice(PADDING * Float.BYTES), rows, columns, stride);
    }

    /** A matrix's numbers rounded to 16 bits, laid out like {@link #nanPadded}, the padding NaN too. */
    public static HalfMatrix halves(Arena arena, HalfMatrix.Format format, Matrix values) {
        long stride = values.columns() + PADDING;
        MemorySegment segment = arena.allocate((values.rows() * stride + 2 * PADDING) * Short.BYTES, 2);
        for (long i = 0; i < segment.byteSize() / Short.BYTES; i++) {
            segment.setAtIndex(ValueLayout.JAVA_SHORT, i, format.narrow(Float.NaN));
        }
        HalfMatrix halves = HalfMatrix.wrap(
                format, segment.asSlice(PADDING * Short.BYTES), values.rows(), values.columns(), stride);
        for (int r = 0; r < values.rows(); r++) {
            for (int c = 0; c < values.columns(); c++) {
                short bits = format.narrow(values.get(r, c));
                halves.segment().set(ValueLayout.JAVA_SHORT_UNALIGNED, halves.offset(r, c), bits);
            }
        }
        return halves;
    }

    /** Whether the padding between a {@link #nanPadded} matrix's rows is still NaN. */
    public static boolean paddingIntact(Matrix matrix) {
        int rows = matrix.columns() == 0 ? 0 : matrix.rows() - 1;
        for (int r = 0; r < rows; r++) {
            for (int c = matrix.columns(); c < matrix.rowStride(); c++) {
                float value = matrix.segment().get(ValueLayout.JAVA_FLOAT_UNALIGNED, matrix.offset(r, c));
                if (!Float.isNaN(value)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** The bits of every element, for comparisons that see the sign of zero. */
    public static int[] bits(Matrix matrix) {
        float[] values = matrix.toArray();
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
