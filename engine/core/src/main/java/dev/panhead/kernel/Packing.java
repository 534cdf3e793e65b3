package dev.panhead.kernel;

import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How the operands of a product get into panels, and tiles out of them: layouts as {@link Tile} says. */
public final class Packing {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    /** Floats that a strip holds: {@value #STRIP_FLOATS}, 12 panels' rows of a reduction block. */
    private static final int STRIP_FLOATS = 72 * 256;

    private static final int LINE_BYTES = 64;

    private Packing() {}

    /** Room for a calling thread's own strip, in which 16-bit floats are widened before they are packed. */
    public static MemorySegment strip(Arena arena) {
        return arena.allocate(stripBytes(), Matrix.ALIGNMENT);
    }

    /** Bytes of a strip. */
    public static long stripBytes() {
        return (long) STRIP_FLOATS * Float.BYTES;
    }

    /**
     * Brings parts of rows into cache, many lines at once, where packing, which takes a few at a time, would wait for each: a processor fetches ahead
     * along a row only after some lines of it, and never the next of rows that lie pages apart. 16-bit floats, which are widened row by row, are left.
     *
     * @param strip of the calling thread; it does not matter what is written there
     */
    public static void fetch(ReadableMatrix matrix, int row, int rows, int column, int columns, MemorySegment strip) {
        if (!(matrix instanceof Matrix floats)) {
            return;
        }
        MemorySegment memory = floats.segment();
        int bits = 0;
        for (int i = row; i < row + rows; i++) {
            long at = floats.offset(i, column);
            for (int o = 0; o < columns * Float.BYTES; o += LINE_BYTES) {
                bits ^= memory.get(INT, at + o);
            }
        }
        strip.set(INT, 0, bits);
    }

    /**
     * Packs rows {@code row ...} and {@code k ...} of scale * op(A) into broadcast panels of length {@code kc}.
     *
     * @param transposed whether the matrix holds op(A)'s transpose, that is, its rows are the ks
     * @param strip of the calling thread, for 16-bit floats; float32 needs none
     * @param scale the factor, {@code kc} times, as {@link #repeat} puts it
     * @param first the panel that the rows begin with
     */
    public static void broadcast(
            MatrixKernels kernels,
            boolean transposed,
            ReadableMatrix a,
            MemorySegment strip,
            MemorySegment scale,
            int row,
            int rows,
            int k,
            int kc,
            Panels panels,
            int first) {
        switch (a) {
            case Matrix floats ->
                broadcast(
                        kernels,
                        transposed,
                        rows,
                        kc,
                        scale,
                        floats.segment(),
                        transposed ? floats.offset(k, row) : floats.offset(row, k),
                        floats.rowStride() * Float.BYTES,
                        panels,
                        first);
            case HalfMatrix halves -> {
                if (transposed && halves.format() == HalfMatrix.Format.BFLOAT16) {
                    float factor = scale.get(FLOAT, 0);
                    long stride = halves.rowStride() * Short.BYTES;
                    kernels.cutBfloat16(
                            kc, rows, factor, halves.segment(), halves.offset(k, row), stride, panels, first);
                    return;
                }
                int height = kernels.tile().rows();
                int step = step(kc, height);
                for (int i = 0; i < rows; i += step) {
                    int held = Math.min(step, rows - i);
                    long stride = widen(kernels, transposed, halves, row + i, held, k, kc, strip);
                    broadcast(kernels, transposed, held, kc, scale, strip, 0, stride, panels, first + i / height);
                }
            }
        }
    }

    private static void broadcast(
            MatrixKernels kernels,
            boolean transposed,
            int rows,
            int kc,
            MemorySegment scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first) {
        if (transposed) {
            kernels.cutBroadcast(kc, rows, scale.get(FLOAT, 0), source, offset, stride, panels, first);
        } else {
            kernels.interleave(rows, kc, source, offset, stride, scale, 0, panels, first, 0);
        }
    }

    /** How many rows or columns of length {@code kc} a strip has room for: a multiple of a panel's. */
    private static int step(int kc, int panel) {
        return STRIP_FLOATS / kc / panel * panel;
    }

    /**
     * Widens rows {@code row ...} and {@code k ...} of op(A) into a strip, its rows lying as the matrix has them, and returns their
     * stride in bytes.
     */
    private static long widen(
            MatrixKernels kernels,
            boolean transposed,
            HalfMatrix a,
            int row,
            int rows,
            int k,
            int kc,
            MemorySegment strip) {
        int runs = transposed ? kc : rows;
        int length = transposed ? rows : kc;
        long pitch = (long) length * Float.BYTES;
        long from = transposed ? a.offset(k, row) : a.offset(row, k);
        kernels.widen(a.format(), runs, length, a.segment(), from, a.rowStride() * Short.BYTES, strip, pitch);
        return pitch;
    }

    /** target = target + scale A(row, column ...), rounded once. */
    public static void addRow(
            Kernels kernels,
            MemorySegment strip,
            float scale,
            ReadableMatrix a,
            int row,
            int column,
            int columns,
            MemorySegment target,
            long to) {
        switch (a) {
            case Matrix floats ->
                kernels.elements().addScaled(columns, scale, floats.segment(), floats.offset(row, column), target, to);
            case HalfMatrix halves -> {
                for (int j = 0; j < columns; j += STRIP_FLOATS) {
                    int held = Math.min(STRIP_FLOATS, columns - j);
                    widen(kernels.matrix(), false, halves, row, 1, column + j, held, strip);
                    kernels.elements().addScaled(held, scale, strip, 0, target, to + (long) j * Float.BYTES);
                }
            }
        }
    }

    /** Fills a segment with one float. */
    public static void repeat(float value, MemorySegment segment) {
        for (long o = 0; o < segment.byteSize(); o += Float.BYTES) {
            segment.set(FLOAT, o, value);
        }
    }

    /**
     * Packs columns {@code column ...} and {@code k ...} of op(B) into vector panels of length {@code kc}.
     *
     * @param transposed whether the matrix holds op(B)'s transpose, that is, its columns are the ks
     * @param strip of the calling thread, for 16-bit floats; float32 needs none
     * @param first the panel that the columns begin with
     */
    public static void vector(
            MatrixKernels kernels,
            boolean transposed,
            ReadableMatrix b,
            MemorySegment strip,
            int k,
            int kc,
            int column,
            int columns,
            Panels panels,
            int first) {
        switch (b) {
            case Matrix floats ->
                vector(
                        kernels,
                        transposed,
                        columns,
                        kc,
                        floats.segment(),
                        transposed ? floats.offset(column, k) : floats.offset(k, column),
                        floats.rowStride() * Float.BYTES,
                        panels,
                        first);
            case HalfMatrix halves -> {
                int width = kernels.tile().columns();
                int step = step(kc, width);
                for (int j = 0; j < columns; j += step) {
                    int held = Math.min(step, columns - j);
                    long stride = widen(kernels, !transposed, halves, column + j, held, k, kc, strip);
                    vector(kernels, transposed, held, kc, strip, 0, stride, panels, first + j / width);
                }
            }
        }
    }

    private static void vector(
            MatrixKernels kernels,
            boolean transposed,
            int columns,
            int kc,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first) {
        if (!transposed) {
            kernels.cutVector(kc, columns, source, offset, stride, panels, first);
            return;
        }
        int width = kernels.tile().columns();
        long pitch = (long) width * Float.BYTES;
        for (int j = 0; j < columns; j += width) {
            int held = Math.min(width, columns - j);
            kernels.transpose(held, kc, source, offset + j * stride, stride, panels.get(first + j / width), 0, pitch);
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
