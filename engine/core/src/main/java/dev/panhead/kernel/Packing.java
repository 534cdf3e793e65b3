package dev.panhead.kernel;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How the operands of a product get into panels, and tiles out of them: layouts as {@link Tile} says. */
public final class Packing {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Packing() {}

    /**
     * Packs rows {@code row ...} and {@code k ...} of scale * op(A) into broadcast panels of length {@code kc}.
     *
     * @param transposed whether the matrix holds op(A)'s transpose, that is, its rows are the ks
     */
    public static void broadcast(
            MatrixKernels kernels,
            boolean transposed,
            Matrix a,
            float scale,
            int row,
            int rows,
            int k,
            int kc,
            MemorySegment panels,
            long to) {
        long pitch = (long) Tile.BROADCAST_PITCH * Float.BYTES;
        long stride = a.rowStride() * Float.BYTES;
        int width = kernels.tile().rows();
        if (transposed) {
            kernels.pack(
                    kc,
                    rows,
                    width,
                    scale,
                    a.segment(),
                    a.offset(k, row),
                    stride,
                    panels,
                    to,
                    pitch,
                    Tile.broadcastBytes(kc));
        } else {
            for (int i = 0; i < rows; i += width) {
                kernels.transpose(
                        Math.min(width, rows - i),
                        kc,
                        scale,
                        a.segment(),
                        a.offset(row + i, k),
                        stride,
                        panels,
                        to + i / width * Tile.broadcastBytes(kc),
                        pitch);
            }
        }
    }

    /**
     * Packs columns {@code column ...} and {@code k ...} of op(B) into vector panels of length {@code kc}.
     *
     * @param transposed whether the matrix holds op(B)'s transpose, that is, its columns are the ks
     */
    public static void vector(
            MatrixKernels kernels,
            boolean transposed,
            Matrix b,
            int k,
            int kc,
            int column,
            int columns,
            MemorySegment panels,
            long to) {
        int width = kernels.tile().columns();
        long pitch = (long) width * Float.BYTES;
        long stride = b.rowStride() * Float.BYTES;
        long panelBytes = kernels.tile().vectorBytes(kc);
        if (!transposed) {
            kernels.pack(
                    kc, columns, width, 1, b.segment(), b.offset(k, column), stride, panels, to, pitch, panelBytes);
            return;
        }
        for (int j = 0; j < columns; j += width) {
            long panel = to + j / width * panelBytes;
            int held = Math.min(width, columns - j);
            kernels.transpose(held, kc, 1, b.segment(), b.offset(column + j, k), stride, panels, panel, pitch);
            int filled = (held + Tile.BROADCAST_PITCH - 1) / Tile.BROADCAST_PITCH * Tile.BROADCAST_PITCH;
            for (int i = 0; filled < width && i < kc; i++) {
                panels.asSlice(panel + i * pitch + filled * 4L, (width - filled) * 4L).fill((byte) 0);
            }
        }
    }

    /** Puts scratch rows, which begin at float {@code first} and lie {@code pitch} floats apart, into C, or adds them. */
    public static void update(
            MemorySegment tile,
            int first,
            int pitch,
            Matrix c,
            int row,
            int column,
            int rows,
            int columns,
            boolean accumulate) {
        MemorySegment into = c.segment();
        for (int i = 0; i < rows; i++) {
            long from = (first + (long) i * pitch) * Float.BYTES;
            long to = c.offset(row + i, column);
            for (int j = 0; j < columns; j++) {
                float value = tile.get(FLOAT, from + j * 4L);
                long at = to + j * 4L;
                into.set(FLOAT, at, accumulate ? into.get(FLOAT, at) + value : value);
            }
        }
    }
}
