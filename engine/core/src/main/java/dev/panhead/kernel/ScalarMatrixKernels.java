package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The matrix kernels in scalars. */
final class ScalarMatrixKernels implements MatrixKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
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
            MemorySegment c,
            long cOffset,
            long cStride,
            boolean accumulate,
            MemorySegment spare) {
        for (int p = 0; p < count; p++) {
            MemorySegment panel = a.get(first + p);
            for (int i = 0; i < TILE.rows(); i++) {
                long row = cOffset + (p * TILE.rows() + i) * cStride;
                for (int j = 0; j < TILE.columns(); j++) {
                    float sum = 0;
                    for (int k = 0; k < kc; k++) {
                        float left = panel.get(FLOAT, (k * Tile.BROADCAST_PITCH + i) * 4L);
                        float right = b.get(FLOAT, (k * TILE.columns() + j) * 4L);
                        sum = Math.fma(left, right, sum);
                    }
                    long at = row + j * 4L;
                    c.set(FLOAT, at, accumulate ? c.get(FLOAT, at) + sum : sum);
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
            boolean accumulate,
            MemorySegment spare) {
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                float sum = 0;
                for (int k = 0; k < kc; k++) {
                    float left = a.get(FLOAT, aOffset + i * aStride + k * 4L);
                    float right = b.get(FLOAT, (k * TILE.columns() + j) * 4L);
                    sum = Math.fma(left, right, sum);
                }
                long at = (i * TILE.columns() + j) * 4L;
                c.set(FLOAT, at, accumulate ? c.get(FLOAT, at) + sum : sum);
            }
        }
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
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment target,
            long to,
            long pitch) {
        transpose(0, rows, 0, columns, scale, source, offset, stride, target, to, pitch);
    }

    /** {@link #transpose} of the source's rows and columns from (inclusive) to (exclusive). */
    static void transpose(
            int fromRow,
            int toRow,
            int fromColumn,
            int toColumn,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment target,
            long to,
            long pitch) {
        int filled = Math.ceilDiv(toRow, Tile.BROADCAST_PITCH) * Tile.BROADCAST_PITCH;
        for (int j = fromColumn; j < toColumn; j++) {
            long line = to + j * pitch;
            for (int i = fromRow; i < filled; i++) {
                long from = offset + Math.min(i, toRow - 1) * stride + j * 4L;
                target.set(FLOAT, line + i * 4L, scale * source.get(FLOAT, from));
            }
        }
    }

    @Override
    public void pack(
            int rows,
            int columns,
            int width,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment panels,
            long to,
            long pitch,
            long panelStride) {
        for (int p = 0; p * width < columns; p++) {
            packPanel(0, rows, p, columns, width, scale, source, offset, stride, panels, to, pitch, panelStride);
        }
    }

    /** The rows from (inclusive) to (exclusive) of one panel of {@link #pack}. */
    static void packPanel(
            int fromRow,
            int toRow,
            int panel,
            int columns,
            int width,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment panels,
            long to,
            long pitch,
            long panelStride) {
        int first = panel * width;
        int held = Math.min(width, columns - first);
        for (int i = fromRow; i < toRow; i++) {
            long from = offset + i * stride + first * 4L;
            long line = to + panel * panelStride + i * pitch;
            for (int j = 0; j < held; j++) {
                panels.set(FLOAT, line + j * 4L, scale * source.get(FLOAT, from + j * 4L));
            }
            for (int j = held; j < pitch / 4; j++) {
                panels.set(FLOAT, line + j * 4L, 0);
            }
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
