package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Log-softmax of runs of {@code n} floats. A run is summed in {@value #PARTIAL_SUMS} partial sums, element i in the one of i mod
 * {@value #PARTIAL_SUMS}. Offsets are in bytes.
 */
public interface RowKernels {

    /** Partial sums of a run: as many as the lanes of the widest vectors, twice. */
    int PARTIAL_SUMS = 32;

    /** The largest of the elements that are not NaN, at least the lowest finite float. */
    float max(int n, MemorySegment x, long at);

    /**
     * The sums of e^(x - max), added up as by {@link SoftmaxKernels#exponentials}, and the maximum of the run behind this one, which so
     * comes into cache while the exponentials are taken.
     *
     * @param max the run's {@link #max}
     * @param next the length of the run behind this one, or 0
     * @param sums where the partial sums go, each of which begins at 1, and behind them what their roundings took from them:
     *     2 x {@value #PARTIAL_SUMS}
     * @return the next run's {@link #max}
     */
    float exponentials(int n, float max, MemorySegment x, long at, int next, float[] sums);

    /** The sum of the elements: the partial sums are added up in double, in order. */
    double sum(int n, MemorySegment x, long at);

    /** y = ((x - shift) - rest) - logSum. */
    void shift(int n, float shift, float rest, float logSum, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /** dx = g - e^y total. */
    void gradient(
            int n, float total, MemorySegment y, long yAt, MemorySegment g, long gAt, MemorySegment dx, long dxAt);
}
