package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The softmax kernels in scalars. */
final class ScalarSoftmaxKernels implements SoftmaxKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final int tokens;

    ScalarSoftmaxKernels(Tile tile) {
        tokens = tile.columns();
    }

    @Override
    public void exponentials(
            int rows,
            MemorySegment tile,
            MemorySegment exponentials,
            MemorySegment bias,
            long biasAt,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        for (int t = 0; t < tokens; t++) {
            float max = -Float.MAX_VALUE;
            for (int row = 0; row < rows; row++) {
                long cell = (row * (long) tokens + t) * Float.BYTES;
                float logit = tile.get(FLOAT, cell);
                if (bias != null) {
                    logit += bias.get(FLOAT, biasAt + row * (long) Float.BYTES);
                    tile.set(FLOAT, cell, logit);
                }
                max = logit > max ? logit : max;
            }
            float sum = 0;
            for (int row = 0; row < rows; row++) {
                long cell = (row * (long) tokens + t) * Float.BYTES;
                float exponential = ScalarExp.expNotPositive(tile.get(FLOAT, cell) - max);
                exponentials.set(FLOAT, cell, exponential);
                sum += exponential;
            }
            maxima.set(FLOAT, statisticsAt + t * (long) Float.BYTES, max);
            sums.set(FLOAT, statisticsAt + t * (long) Float.BYTES, sum);
        }
    }

    @Override
    public void mergeMaxima(
            int blocks, MemorySegment maxima, long at, long stride, MemorySegment merged, long mergedAt) {
        for (int t = 0; t < tokens; t++) {
            float max = -Float.MAX_VALUE;
            for (int b = 0; b < blocks; b++) {
                float m = maxima.get(FLOAT, at + b * stride + t * (long) Float.BYTES);
                max = m > max ? m : max;
            }
            for (int b = 0; b < blocks; b++) {
                long cell = at + b * stride + t * (long) Float.BYTES;
                maxima.set(FLOAT, cell, ScalarExp.expNotPositive(maxima.get(FLOAT, cell) - max));
            }
            merged.set(FLOAT, mergedAt + t * (long) Float.BYTES, max);
        }
    }

    @Override
    public void scale(
            int rows,
            MemorySegment tile,
            MemorySegment factors,
            long factorsAt,
            boolean accumulate,
            MemorySegment target,
            long to) {
        for (int row = 0; row < rows; row++) {
            for (int t = 0; t < tokens; t++) {
                long cell = (row * (long) tokens + t) * Float.BYTES;
                float factor = factors.get(FLOAT, factorsAt + t * (long) Float.BYTES);
                float value = tile.get(FLOAT, cell);
                target.set(
                        FLOAT,
                        to + cell,
                        accumulate ? Math.fma(value, factor, target.get(FLOAT, to + cell)) : value * factor);
            }
        }
    }
}
