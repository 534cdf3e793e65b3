package dev.panhead.kernel;

import dev.panhead.tensor.HalfMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The matrix kernels in scalars. */
final class ScalarMatrixKernels implements MatrixKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final Tile TILE = new Tile(6, 16);

    @Override
    public Tile tile() {
        return TILE;
    }

    @Override
    public void multiply(
            Panels a,
            int first,
            int count,
            int kc,
            MemorySegment b,
            MemorySegment factors,
            long factorsAt,
            MemorySegment c,
            long cOffset,
            long cStride,
            boolean accumulate,
            MemorySegment spare) {
        multiply(TILE, a, first, count, kc, b, factors, factorsAt, c, cOffset, cStride, accumulate);
    }

    /** {@link MatrixKernels#multiply} for panels and tiles of any shape. */
    static void multiply(
            Tile tile,
            Panels a,
            int first,
            int count,
            int kc,
            MemorySegment b,
            MemorySegment factors,
            long factorsAt,
            MemorySegment c,
            long cOffset,
            long cStride,
            boolean accumulate) {
        for (int p = 0; p < count; p++) {
            MemorySegment panel = a.get(first + p);
            for (int i = 0; i < tile.rows(); i++) {
                long row = cOffset + (p * tile.rows() + i) * cStride;
                for (int j = 0; j < tile.columns(); j++) {
                    float sum = 0;
                    for (int k = 0; k < kc; k++) {
                        float left = panel.get(FLOAT, (k * Tile.BROADCAST_PITCH + i) * 4L);
                        float right = b.get(FLOAT, (k * tile.columns() + j) * 4L);
                        sum = Math.fma(left, right, sum);
                    }
                    put(sum, factors, factorsAt + j * 4L, c, row + j * 4L, accumulate);
                }
            }
        }
    }

    @Override
    public void multiplyRows(
            int rows,
            int kc,
            MemorySegment a,
            long aOffset,
            long aStride,
            MemorySegment b,
            int columns,
            MemorySegment c,
            long cOffset,
            boolean accumulate) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                float sum = 0;
                for (int k = 0; k < kc; k++) {
                    float left = a.get(FLOAT, aOffset + i * aStride + k * 4L);
                    float right = b.get(FLOAT, (k * THIN_COLUMNS + j) * 4L);
                    sum = Math.fma(left, right, sum);
                }
                long at = cOffset + (i * THIN_COLUMNS + j) * 4L;
                c.set(FLOAT, at, accumulate ? c.get(FLOAT, at) + sum : sum);
            }
        }
    }

    @Override
    public void multiplyColumn(
            HalfMatrix.Format format,
            int rows,
            int length,
            int block,
            MemorySegment a,
            long aOffset,
            long aStride,
            float[] x,
            MemorySegment c,
            boolean accumulate,
            MemorySegment spare) {
        for (int i = 0; i < rows; i++) {
            for (int k = 0; k < length; k += block) {
                float sum = chain(0, format, k, Math.min(k + block, length), a, aOffset + i * aStride, x);
                c.set(FLOAT, i * 4L, accumulate || k > 0 ? c.get(FLOAT, i * 4L) + sum : sum);
            }
        }
    }

    /** One row's chain, from an element (inclusive) to another (exclusive). */
    static float chain(float start, HalfMatrix.Format format, int from, int to, MemorySegment a, long at, float[] x) {
        float sum = start;
        for (int k = from; k < to; k++) {
            float value = format == null ? a.get(FLOAT, at + k * 4L) : format.widen(a.get(SHORT, at + k * 2L));
            sum = Math.fma(value, x[k], sum);
        }
        return sum;
    }

    @Override
    public void interleave(
            int rows,
            int columns,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment factors,
            long factorsAt,
            Panels panels,
            int first,
            int k) {
        for (int i = 0; i < rows; i += TILE.rows()) {
            int held = Math.min(TILE.rows(), rows - i);
            interleave(
                    held,
                    0,
                    columns,
                    source,
                    offset + i * stride,
                    stride,
                    factors,
                    factorsAt,
                    panels.get(first + i / TILE.rows()),
                    k);
        }
    }

    /** The columns from (inclusive) to (exclusive) of one panel of {@link #interleave}; the last row stands for those that are not there. */
    static void interleave(
            int rows,
            int from,
            int to,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment factors,
            long factorsAt,
            MemorySegment panel,
            int k) {
        for (int j = from; j < to; j++) {
            float factor = factors.get(FLOAT, factorsAt + j * 4L);
            for (int i = 0; i < Tile.BROADCAST_PITCH; i++) {
                float value = source.get(FLOAT, offset + Math.min(i, rows - 1) * stride + j * 4L);
                panel.set(FLOAT, ((k + j) * (long) Tile.BROADCAST_PITCH + i) * 4L, value * factor);
            }
        }
    }

    @Override
    public void transpose(
            int rows,
            int columns,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment target,
            long to,
            long pitch) {
        transpose(0, columns, rows, source, offset, stride, target, to, pitch);
    }

    /** {@link #transpose} of the source's columns from (inclusive) to (exclusive). */
    static void transpose(
            int from,
            int end,
            int rows,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment target,
            long to,
            long pitch) {
        int filled = Math.ceilDiv(rows, Tile.BROADCAST_PITCH) * Tile.BROADCAST_PITCH;
        for (int j = from; j < end; j++) {
            for (int i = 0; i < filled; i++) {
                float value = source.get(FLOAT, offset + Math.min(i, rows - 1) * stride + j * 4L);
                target.set(FLOAT, to + j * pitch + i * 4L, value);
            }
        }
    }

    @Override
    public void cutBroadcast(
            int rows,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first) {
        for (int p = 0; p < TILE.broadcastPanels(columns); p++) {
            int held = Math.min(TILE.rows(), columns - p * TILE.rows());
            long from = offset + p * TILE.rows() * 4L;
            cut(0, rows, held, scale, source, from, stride, panels.get(first + p), Tile.BROADCAST_PITCH);
        }
    }

    @Override
    public void cutVector(
            int rows, int columns, MemorySegment source, long offset, long stride, Panels panels, int first) {
        int width = TILE.columns();
        for (int p = 0; p < TILE.vectorPanels(columns); p++) {
            int held = Math.min(width, columns - p * width);
            cut(0, rows, held, 1, source, offset + p * width * 4L, stride, panels.get(first + p), width);
        }
    }

    @Override
    public void cutBfloat16(
            int rows,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first) {
        for (int p = 0; p < TILE.broadcastPanels(columns); p++) {
            int held = Math.min(TILE.rows(), columns - p * TILE.rows());
            long from = offset + p * TILE.rows() * (long) Short.BYTES;
            cutBfloat16(0, rows, held, scale, source, from, stride, panels.get(first + p));
        }
    }

    /** The rows from (inclusive) to (exclusive) of one broadcast panel. */
    static void cutBfloat16(
            int from,
            int to,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment panel) {
        for (int i = from; i < to; i++) {
            for (int j = 0; j < columns; j++) {
                short half = source.get(SHORT, offset + i * stride + j * (long) Short.BYTES);
                float value = HalfMatrix.Format.BFLOAT16.widen(half);
                panel.set(FLOAT, (i * (long) Tile.BROADCAST_PITCH + j) * Float.BYTES, scale * value);
            }
            for (int j = columns; j < Tile.BROADCAST_PITCH; j++) {
                panel.set(FLOAT, (i * (long) Tile.BROADCAST_PITCH + j) * Float.BYTES, 0);
            }
        }
    }

    /** C (+)= tile diag(f). */
    static void put(
            Tile shape,
            MemorySegment tile,
            MemorySegment factors,
            long factorsAt,
            MemorySegment c,
            long cOffset,
            long cStride,
            boolean accumulate) {
        for (int i = 0; i < shape.rows(); i++) {
            for (int j = 0; j < shape.columns(); j++) {
                float value = tile.get(FLOAT, (i * shape.columns() + j) * 4L);
                put(value, factors, factorsAt + j * 4L, c, cOffset + i * cStride + j * 4L, accumulate);
            }
        }
    }

    private static void put(
            float value, MemorySegment factors, long factorAt, MemorySegment c, long at, boolean accumulate) {
        float factor = factors == null ? 1 : factors.get(FLOAT, factorAt);
        c.set(FLOAT, at, accumulate ? Math.fma(value, factor, c.get(FLOAT, at)) : value * factor);
    }

    /** The rows from (inclusive) to (exclusive) of one panel, whose ks are {@code pitch} floats wide. */
    static void cut(
            int from,
            int to,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment panel,
            int pitch) {
        for (int i = from; i < to; i++) {
            // Two loops: C2 hoists a condition out of one as a predicate that always fails, and compiles the method a
            // hundred times.
            for (int j = 0; j < columns; j++) {
                float value = source.get(FLOAT, offset + i * stride + j * 4L);
                panel.set(FLOAT, (i * (long) pitch + j) * 4L, scale * value);
            }
            for (int j = columns; j < pitch; j++) {
                panel.set(FLOAT, (i * (long) pitch + j) * 4L, 0);
            }
        }
    }

    @Override
    public void widen(HalfMatrix.Format format, int n, MemorySegment source, long from, MemorySegment target, long to) {
        widen(format, 0, n, source, from, target, to);
    }

    /** The same from the {@code done}-th number on. */
    static void widen(
            HalfMatrix.Format format, int done, int n, MemorySegment source, long from, MemorySegment target, long to) {
        for (int i = done; i < n; i++) {
            short bits = source.get(SHORT, from + i * (long) Short.BYTES);
            target.set(FLOAT, to + i * (long) Float.BYTES, format.widen(bits));
        }
    }

    @Override
    public void sumPanel(int kc, MemorySegment panel, MemorySegment target, long to) {
        sum(kc, panel, target, to);
    }

    /** {@link #sumPanel}. */
    static void sum(int kc, MemorySegment panel, MemorySegment target, long to) {
        for (int i = 0; i < Tile.BROADCAST_PITCH; i++) {
            float sum = 0;
            for (int k = 0; k < kc; k++) {
                sum += panel.get(FLOAT, (k * Tile.BROADCAST_PITCH + i) * 4L);
            }
            target.set(FLOAT, to + i * 4L, sum);
        }
    }
}
