package dev.panhead.kernel;

import dev.panhead.tensor.HalfMatrix;
import java.lang.foreign.MemorySegment;

/**
 * Packing and the micro-kernel of the matrix products. Offsets, strides and pitches are in bytes, all else in elements.
 *
 * <p>A product of m x k and k x n is laid out as {@link Tile} says: the left side in broadcast panels of MR rows, the right
 * side in vector panels of NR columns.
 */
public interface MatrixKernels {

    /** How long k may run in {@link #multiply}. */
    int LONGEST = 512;

    /** The register tile of this implementation. */
    Tile tile();

    /**
     * C (+)= A B diag(f) for one vector panel B and successive broadcast panels A.
     *
     * <p>Each element of C is one chain of fused multiply-adds in ascending k that starts at 0, times its column's factor; with
     * {@code accumulate} that is added to what C held, rounded once, else it takes its place. Whole tiles are written: C must have
     * room for {@code count * MR} rows of NR floats.
     *
     * @param a the broadcast panels
     * @param first the first of them to use
     * @param count how many
     * @param kc how long k runs, 1 to {@value #LONGEST}
     * @param b the vector panel
     * @param factors NR floats, or null if each is 1
     * @param cStride from a row of C to the next
     * @param spare room for a tile of the calling thread's own
     */
    void multiply(
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
            MemorySegment spare);

    /** C (+)= A B. */
    default void multiply(
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
        multiply(a, first, count, kc, b, null, 0, c, cOffset, cStride, accumulate, spare);
    }

    /** Rows that {@link #multiplyRows} and {@link #multiplyColumn} read side by side. */
    int STREAMS = 8;

    /** Columns of a thin panel, which holds them for each k, close together. */
    int THIN_COLUMNS = 8;

    /**
     * C (+)= A B for one thin panel B and up to {@value #STREAMS} rows of A as they lie in memory: the same chains as {@link
     * #multiply} makes.
     *
     * @param rows of A and C, at least 1
     * @param kc columns of A and length of the panel, at least 1
     * @param columns how many of B's are wanted, 1 to {@value #THIN_COLUMNS}
     * @param c {@value #STREAMS} rows of {@value #THIN_COLUMNS} floats, close together; those that are not wanted may be written too
     */
    void multiplyRows(
            int rows,
            int kc,
            MemorySegment a,
            long aOffset,
            long aStride,
            MemorySegment b,
            int columns,
            MemorySegment c,
            long cOffset,
            boolean accumulate);

    /**
     * c (+)= A x for a column x and up to {@value #STREAMS} rows of A as they lie in memory: for each {@code block} columns the chain
     * that {@link #multiply} makes, added in order.
     *
     * @param format of A's 16-bit floats, or null where they are float32
     * @param rows of A, at least 1
     * @param length of the rows
     * @param block a multiple of 16
     * @param x as many floats
     * @param c {@value #STREAMS} floats, and room for as many
     * @param spare of the calling thread's own, {@value #STREAMS} rows of {@code block} floats at least
     */
    void multiplyColumn(
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
            MemorySegment spare);

    /**
     * Interleaves rows, which lie {@code stride} apart, into broadcast panels: from panel {@code first} on, the {@code k + j}-th k of
     * row i is source(i, j) * factors(j).
     */
    void interleave(
            int rows,
            int columns,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment factors,
            long factorsAt,
            Panels panels,
            int first,
            int k);

    /**
     * target(j, i) = source(i, j) for {@code rows} x {@code columns} source elements. The target's rows are filled up
     * to a multiple of {@value Tile#BROADCAST_PITCH} elements, for which they must have room, by repeating the last one.
     */
    void transpose(
            int rows,
            int columns,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment target,
            long to,
            long pitch);

    /**
     * Cuts rows, which are the ks and lie {@code stride} apart, into broadcast panels: from panel {@code first} on, the k-th k of
     * panel p is scale * source(k, MR p ...). What the panels have room for beside that, and rows that the last one has not, are
     * filled with numbers that do not matter.
     */
    void cutBroadcast(
            int rows,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first);

    /** The same of rows of bfloat16. */
    void cutBfloat16(
            int rows,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first);

    /** The same into vector panels, without a scale: the k-th k of panel p is source(k, NR p ...), the last panel filled up with zeros. */
    void cutVector(int rows, int columns, MemorySegment source, long offset, long stride, Panels panels, int first);

    /** Makes float32 of {@code n} numbers of 16 bits. */
    void widen(HalfMatrix.Format format, int n, MemorySegment source, long from, MemorySegment target, long to);

    /** The same of rows that lie {@code stride} apart, and go where {@code pitch} says. */
    default void widen(
            HalfMatrix.Format format,
            int rows,
            int n,
            MemorySegment source,
            long from,
            long stride,
            MemorySegment target,
            long pitch) {
        for (int i = 0; i < rows; i++) {
            widen(format, n, source, from + i * stride, target, i * pitch);
        }
    }

    /** target(i) = sum over k, in ascending order from 0, of panel(k, i): the column sums of one broadcast panel. */
    void sumPanel(int kc, MemorySegment panel, MemorySegment target, long to);
}
