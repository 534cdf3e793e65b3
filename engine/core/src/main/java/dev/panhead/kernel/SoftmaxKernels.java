package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Softmax over tiles of logits that hold a token in each lane: rows are vocabulary entries, NR tokens wide, close together.
 * All reductions run down the rows, so that the tokens' results do not depend on each other, nor on the vectors' width.
 * Tiles begin at offset 0 of their segments. Offsets are in bytes.
 */
public interface SoftmaxKernels {

    /** tile(i, t) += bias(i). */
    void addBias(int rows, MemorySegment tile, MemorySegment bias, long biasAt);

    /** z = cap tanh(z / cap), where z is finite. */
    void softcap(int rows, MemorySegment tile, float cap);

    /** The same of one logit, to the bit. */
    static float softcap(float logit, float cap) {
        return Float.isInfinite(logit) ? logit : cap * ScalarTanh.tanh(logit * (1 / cap));
    }

    /**
     * The exponentials of a tile of logits: e^(z - m), m being the token's maximum over the tile, or the lowest finite float if all
     * are -infinity. The tile's m and the sums of the exponentials, in the order of the rows, go to {@code maxima} and {@code
     * sums}. A NaN or +infinity among a token's logits makes its sum NaN, and leaves a NaN where it stood.
     *
     * <p>What rounding takes from each addition is added up beside the sum, and joins it at the end: else the many exponentials that
     * are below half an ulp of the sum would all be lost, and every loss be too small. The sum starts at 1, which is taken off
     * again, so that no addend is larger, and what is lost is e - ((s + e) - s) exactly (Fast2Sum: T. J. Dekker, A floating-point
     * technique for extending the available precision, Numerische Mathematik 18, 1971).
     *
     * @param tile the logits
     * @param exponentials where they go, laid out like the tile; may be the tile itself
     */
    void exponentials(
            int rows,
            MemorySegment tile,
            MemorySegment exponentials,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt);

    /**
     * Of a tile of logits z, their exponentials e and maxima m, as {@link #exponentials} leaves them: the sums of e (z - m) in the
     * order of the rows, 0 where e is 0.
     */
    void energies(
            int rows,
            MemorySegment tile,
            MemorySegment exponentials,
            MemorySegment maxima,
            MemorySegment energies,
            long statisticsAt);

    /**
     * The sums of the logits, times their rows' weights, in the order of the rows. Rows that weigh 0 are left out, whatever they hold.
     *
     * @param weights one float a row
     */
    void weightedSums(
            int rows, MemorySegment tile, MemorySegment weights, long weightsAt, MemorySegment sums, long statisticsAt);

    /**
     * Turns logits u into their gradient, in place:
     *
     * <pre>
     *   (e^(u - m) (base + slope (u - m)) - spread c) max(0, 1 - (u inverse)^2),   0 where u is -infinity
     * </pre>
     *
     * with the tile's maxima m, base and slope at {@code statisticsAt}, the tokens' spread and inverse at {@code tokensAt}, and
     * the rows' weights c.
     *
     * @param weights one float a row, or null for 1
     */
    void gradient(
            int rows,
            MemorySegment tile,
            MemorySegment maxima,
            MemorySegment base,
            MemorySegment slope,
            long statisticsAt,
            MemorySegment spread,
            MemorySegment inverse,
            long tokensAt,
            MemorySegment weights,
            long weightsAt);

    /** The first row of each token's maximum, as a float; 0 if no logit equals it. */
    void argmax(int rows, MemorySegment tile, MemorySegment maxima, MemorySegment indices, long statisticsAt);

    /** How many of each token's logits are above the token's threshold, as a float. */
    void countAbove(
            int rows,
            MemorySegment tile,
            MemorySegment thresholds,
            long thresholdsAt,
            MemorySegment counts,
            long statisticsAt);

    /**
     * Finds the logits that are not below their tokens' thresholds, in {@code rows} rows from {@code first} on: of each row, the t-th bit
     * is the t-th token's.
     *
     * @param found one number a row
     */
    void findReaching(
            int first, int rows, MemorySegment tile, MemorySegment thresholds, long thresholdsAt, int[] found);

    /**
     * Merges the maxima of {@code blocks} tiles of the same tokens: their maximum M goes to {@code merged}, and each m becomes
     * e^(m - M).
     *
     * @param stride from a tile's maxima to the next's
     */
    void mergeMaxima(int blocks, MemorySegment maxima, long at, long stride, MemorySegment merged, long mergedAt);

    /** Multiplies the rows of a tile by NR factors, one a token. */
    void scale(int rows, MemorySegment tile, MemorySegment factors, long factorsAt);
}
