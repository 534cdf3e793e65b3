package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The sparse kernels in scalars. */
final class ScalarSparseKernels implements SparseKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final int tokens;

    ScalarSparseKernels(Tile tile) {
        tokens = tile.columns();
    }

    private static long at(long index) {
        return index * Float.BYTES;
    }

    private float size(int row, int t, MemorySegment tile, MemorySegment units) {
        return Math.abs(tile.get(FLOAT, at(row * (long) tokens + t)) * units.get(FLOAT, at(t)));
    }

    @Override
    public int sample(
            int rows,
            MemorySegment tile,
            MemorySegment units,
            MemorySegment positions,
            long positionsAt,
            int[] foundRows,
            int[] found) {
        int count = 0;
        for (int row = 0; row < rows; row++) {
            int bits = 0;
            for (int t = 0; t < tokens; t++) {
                float size = size(row, t, tile, units);
                boolean whole = size >= WHOLE;
                int position = positions.get(INT, positionsAt + at(t)) + (int) ((whole ? 0 : size) + HALF);
                bits |= whole || position < 0 ? 1 << t : 0;
                positions.set(INT, positionsAt + at(t), position & Integer.MAX_VALUE);
            }
            foundRows[count] = row;
            found[count] = bits;
            count += bits == 0 ? 0 : 1;
        }
        return count;
    }

    @Override
    public int findLarge(
            int rows, MemorySegment tile, MemorySegment units, MemorySegment bounds, int[] foundRows, int[] found) {
        int count = 0;
        for (int row = 0; row < rows; row++) {
            int bits = 0;
            for (int t = 0; t < tokens; t++) {
                bits |= size(row, t, tile, units) >= bounds.get(FLOAT, at(t)) ? 1 << t : 0;
            }
            foundRows[count] = row;
            found[count] = bits;
            count += bits == 0 ? 0 : 1;
        }
        return count;
    }

    @Override
    public void tails(
            int rows,
            MemorySegment tile,
            MemorySegment units,
            MemorySegment bounds,
            MemorySegment sums,
            MemorySegment counts) {
        for (int b = 0; b < BOUNDS; b++) {
            for (int t = 0; t < tokens; t++) {
                long cell = at(b * (long) tokens + t);
                float bound = bounds.get(FLOAT, cell);
                float sum = 0;
                float count = 0;
                for (int row = 0; row < rows; row++) {
                    float size = size(row, t, tile, units);
                    sum += size < bound ? size : 0;
                    count += size < bound ? 1 : 0;
                }
                sums.set(FLOAT, cell, sum);
                counts.set(FLOAT, cell, count);
            }
        }
    }

    @Override
    public void multiply(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            int columns,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment target,
            long targetAt,
            long targetStride,
            boolean accumulate) {
        for (int r = fromRow; r < toRow; r++) {
            for (int j = 0; j < columns; j++) {
                long cell = targetAt + (r - fromRow) * targetStride + at(j);
                float sum = accumulate ? target.get(FLOAT, cell) : 0;
                for (int e = starts[r]; e < starts[r + 1]; e++) {
                    if (indices[e] >= lowest && indices[e] < highest) {
                        float factor = source.get(FLOAT, sourceAt + indices[e] * sourceStride + at(j));
                        sum = Math.fma(values[e], factor, sum);
                    }
                }
                target.set(FLOAT, cell, sum);
            }
        }
    }

    @Override
    public void multiplyTransposed(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            int columns,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment target,
            long targetAt,
            long targetStride) {
        for (int r = fromRow; r < toRow; r++) {
            for (int e = starts[r]; e < starts[r + 1]; e++) {
                for (int j = 0; indices[e] >= lowest && indices[e] < highest && j < columns; j++) {
                    long cell = targetAt + indices[e] * targetStride + at(j);
                    float factor = source.get(FLOAT, sourceAt + (r - fromRow) * sourceStride + at(j));
                    target.set(FLOAT, cell, Math.fma(values[e], factor, target.get(FLOAT, cell)));
                }
            }
        }
    }
}
