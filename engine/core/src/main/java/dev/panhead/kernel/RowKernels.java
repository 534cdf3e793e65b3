package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Log-softmax of runs of {@code n} floats. A run is summed in {@value #PARTIAL_SUMS} partial sums, element i in the one of i mod
 * {@value #PARTIAL_SUMS}. Offsets are in bytes.
 */
public interface RowKernels {

    /** Partial sums of a run: as many as the lanes of the widest vectors, twice. */
    int PARTIAL_SUMS = 32;

    /**
     * The run's maximum m, and the sums of e^(x - m). The elements equal to the maximum are counted, not added, so that the sum
     * of the others keeps its relative accuracy however small it is; those are added up as by {@link SoftmaxKernels#exponentials}.
     *
     * @param sums where the partial sums of the others go, and behind them the partial counts: 2 x {@value #PARTIAL_SUMS}
     * @return the largest of the elements that are not NaN, at least the lowest finite float
     */
    float exponentials(int n, MemorySegment x, long at, float[] sums);

    /** The sum of the elements: the partial sums are added up in double, in order. */
    double sum(int n, MemorySegment x, long at);

    /** y = ((x - shift) - rest) - logSum. */
    void shift(int n, float shift, float rest, float logSum, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /** dx = g - e^y total. */
    void gradient(
            int n, float total, MemorySegment y, long yAt, MemorySegment g, long gAt, MemorySegment dx, long dxAt);
}
