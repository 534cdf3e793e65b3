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
     * @param scale the factor, {@code kc} times, as {@link #repeat} puts it
     * @param first the panel that the rows begin with
     */
    public static void broadcast(
            MatrixKernels kernels,
            boolean transposed,
            Matrix a,
            MemorySegment scale,
            int row,
            int rows,
            int k,
            int kc,
            Panels panels,
            int first) {
        long stride = a.rowStride() * Float.BYTES;
        if (transposed) {
            kernels.cutBroadcast(kc, rows, scale.get(FLOAT, 0), a.segment(), a.offset(k, row), stride, panels, first);
        } else {
            kernels.interleave(rows, kc, a.segment(), a.offset(row, k), stride, scale, 0, panels, first, 0);
        }
    }

    /** Fills a segment with one float. */
    public static void repeat(float value, MemorySegment segment) {
        for (long o = 0; o < segment.byteSize(); o += Float.BYTES) {
            segment.set(FLOAT, o, value);
        }
    }

    /**
     * Packs columns {@code column ...} and {@code k ...} of scale * op(B) into vector panels of length {@code kc}.
     *
     * @param transposed whether the matrix holds op(B)'s transpose, that is, its columns are the ks
     * @param first the panel that the columns begin with
     */
    public static void vector(
            MatrixKernels kernels,
            boolean transposed,
            Matrix b,
            float scale,
            int k,
            int kc,
            int column,
            int columns,
            Panels panels,
            int first) {
        int width = kernels.tile().columns();
        long pitch = (long) width * Float.BYTES;
        long stride = b.rowStride() * Float.BYTES;
        if (!transposed) {
            kernels.cutVector(kc, columns, scale, b.segment(), b.offset(k, column), stride, panels, first);
            return;
        }
        for (int j = 0; j < columns; j += width) {
            int held = Math.min(width, columns - j);
            kernels.transpose(
                    held,
                    kc,
                    scale,
                    b.segment(),
                    b.offset(column + j, k),
                    stride,
                    panels.get(first + j / width),
                    0,
                    pitch);
        }
    }

    /** Puts scratch rows, which begin at {@code first} and lie {@code pitch} bytes apart, into C, or adds them. */
    public static void update(
            ElementKernels kernels,
            MemorySegment tile,
            long first,
            long pitch,
            Matrix c,
            int row,
            int column,
            int rows,
            int columns,
            boolean accumulate) {
        for (int i = 0; i < rows; i++) {
            long from = first + i * pitch;
            long to = c.offset(row + i, column);
            if (accumulate) {
                kernels.addScaled(columns, 1, tile, from, c.segment(), to);
            } else {
                MemorySegment.copy(tile, from, c.segment(), to, (long) columns * Float.BYTES);
            }
        }
    }
}
