package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/** Functions of single elements, and sums down columns, over runs of {@code n} floats. Offsets and strides are in bytes. */
public interface ElementKernels {

    /** y = e^x. */
    void exp(int n, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /** y = ln x. */
    void log(int n, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /** y = gelu(x), tanh form. */
    void gelu(int n, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /** dx = gelu'(x) dy. */
    void geluGradient(int n, MemorySegment x, long xAt, MemorySegment dy, long dyAt, MemorySegment dx, long dxAt);

    /** y = y + scale x, rounded once. */
    void addScaled(int n, float scale, MemorySegment x, long xAt, MemorySegment y, long yAt);

    /**
     * sum(c) = the sum of x(r, c) over the rows, from 0 in ascending order within blocks of {@code block} rows, the blocks added
     * in order; with {@code accumulate}, to what is there.
     */
    void columnSums(
            int rows,
            int columns,
            int block,
            MemorySegment x,
            long xAt,
            long stride,
            MemorySegment sum,
            long sumAt,
            boolean accumulate);

    /** The sum of x^2: in 32 partial sums, element i in the one of i mod 32, which are added up in double, in order. */
    double sumOfSquares(int n, MemorySegment x, long at);

    /** A step of stochastic gradient descent; {@code velocity} is null without momentum. */
    void sgd(
            int n,
            SgdStep step,
            MemorySegment parameters,
            long parametersAt,
            MemorySegment gradient,
            long gradientAt,
            MemorySegment velocity,
            long velocityAt);

    /** A step of AdamW; the moments lie at {@code momentsAt}. */
    void adamW(
            int n,
            AdamWStep step,
            MemorySegment parameters,
            long parametersAt,
            MemorySegment gradient,
            long gradientAt,
            MemorySegment first,
            MemorySegment second,
            long momentsAt);
}
