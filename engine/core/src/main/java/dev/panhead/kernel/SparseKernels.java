package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/**
 * What a gradient of few entries takes: finding them in tiles, which are laid out as {@link SoftmaxKernels} has them, and multiplying
 * with them. {@code units} are NR floats, one a token, that make an element's size |tile * unit|. Offsets and strides are in bytes.
 */
public interface SparseKernels {

    /** The size of an element that {@link #sample} finds for sure: 2^31. */
    float WHOLE = 0x1p31f;

    /** Added to a size before it is cut to a whole number: below a half, which would raise every odd size from 2^23 on, the sum being a tie. */
    float HALF = 0x1.fffffep-2f;

    /** Sizes that {@link #tails} compares with. */
    int BOUNDS = 4;

    /**
     * Systematic sampling down the rows: each token's position, from 0 to 2^31 (exclusive), goes on by each element's size, rounded to a
     * whole number, and where it passes 2^31 the element is found, and the position begins anew with what is beyond. Elements of 2^31
     * and more are found without moving it.
     *
     * <p>If the position at the beginning is any of the 2^31 with equal probability, it is so at each row, and an element is found with
     * the probability size / 2^31.
     *
     * @param positions one int a token at {@code positionsAt}: where they begin, and then where they have come to
     * @param foundRows the rows in which something was found, ascending; with room for all
     * @param found a number for each of them, whose t-th bit is the t-th token's
     * @return how many they are
     */
    int sample(
            int rows,
            MemorySegment tile,
            MemorySegment units,
            MemorySegment positions,
            long positionsAt,
            int[] foundRows,
            int[] found);

    /** Finds the elements whose size reaches their token's bound; results as of {@link #sample}. */
    int findLarge(
            int rows, MemorySegment tile, MemorySegment units, MemorySegment bounds, int[] foundRows, int[] found);

    /**
     * Compares sizes with {@value #BOUNDS} bounds a token: the sums of those below each, in the order of the rows, and how many they are.
     *
     * @param bounds {@value #BOUNDS} x NR
     * @param sums as many
     * @param counts as many
     */
    void tails(
            int rows,
            MemorySegment tile,
            MemorySegment units,
            MemorySegment bounds,
            MemorySegment sums,
            MemorySegment counts);

    /**
     * Rows of a sparse matrix S times a dense one: target(r, j) (+)= the sum of S(r, i) * source(i, j), as one chain of fused
     * multiply-adds in the order of the entries that starts at 0, or at what the target holds.
     *
     * @param fromRow the first row of S, whose result is the target's first; up to {@code toRow}
     * @param starts a row's entries begin at {@code starts[r]} and end where the next one's begin
     * @param indices ascending in each row; those from {@code lowest} to {@code highest} (exclusive) count
     * @param source whose row i begins at {@code sourceAt + i * sourceStride}
     * @param accumulate whether the chains start at what the target holds
     */
    void multiply(
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
            boolean accumulate);

    /**
     * The same rows' transpose times a dense matrix: target(i, j) += S(r, i) * source(r, j), rounded once each, in the order of the rows.
     *
     * @param source whose first row is multiplied with S's row {@code fromRow}
     * @param target whose row i begins at {@code targetAt + i * targetStride}
     */
    void multiplyTransposed(
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
            long targetStride);
}
