package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Log-softmax of rows of {@code n} floats. Sums over a row are taken in {@value #PARTIAL_SUMS} partial sums, element i in the one
 * of i mod {@value #PARTIAL_SUMS}, which are added up in double, in order. Offsets are in bytes.
 */
public interface RowKernels {

    /** Partial sums of a row: as many as the lanes of the widest vectors, twice. */
    int PARTIAL_SUMS = 32;

    /** The largest of the elements that are not NaN, at least the lowest finite float. */
    float max(int n, MemorySegment x, long at);

    /**
     * The sum of e^(x - max), less 1: the elements equal to the maximum are counted, not added, so that the sum of the others keeps
     * its relative accuracy however small it is.
     */
    double sumOfOthers(int n, float max, MemorySegment x, long at);

    /** The sum of the elements. */
    double sum(int n, MemorySegment x, long at);

    /** y = (x - shift) - logSum. */
    void shift(int n, float shift, float logSum, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /** dx = g - e^y total. */
    void gradient(
            int n, float total, MemorySegment y, long yAt, MemorySegment g, long gAt, MemorySegment dx, long dxAt);
}
