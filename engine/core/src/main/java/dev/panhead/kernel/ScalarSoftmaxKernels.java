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
    public void addBias(int rows, MemorySegment tile, MemorySegment bias, long biasAt) {
        for (int row = 0; row < rows; row++) {
            float b = bias.get(FLOAT, biasAt + row * (long) Float.BYTES);
            for (int t = 0; t < tokens; t++) {
                tile.set(FLOAT, cell(row, t), tile.get(FLOAT, cell(row, t)) + b);
            }
        }
    }

    @Override
    public void softcap(int rows, MemorySegment tile, float cap) {
        for (int i = 0; i < rows * tokens; i++) {
            long cell = i * (long) Float.BYTES;
            tile.set(FLOAT, cell, SoftmaxKernels.softcap(tile.get(FLOAT, cell), cap));
        }
    }

    @Override
    public void exponentials(
            int rows,
            MemorySegment tile,
            MemorySegment exponentials,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        for (int t = 0; t < tokens; t++) {
            float max = -Float.MAX_VALUE;
            for (int row = 0; row < rows; row++) {
                float logit = tile.get(FLOAT, cell(row, t));
                max = logit > max ? logit : max;
            }
            float sum = 1;
            float lost = 0;
            for (int row = 0; row < rows; row++) {
                float exponential = ScalarExp.expNotPositive(tile.get(FLOAT, cell(row, t)) - max);
                exponentials.set(FLOAT, cell(row, t), exponential);
                float next = sum + exponential;
                lost += exponential - (next - sum);
                sum = next;
            }
            maxima.set(FLOAT, statisticsAt + t * (long) Float.BYTES, max);
            sums.set(FLOAT, statisticsAt + t * (long) Float.BYTES, sum - 1 + lost);
        }
    }

    @Override
    public void energies(
            int rows,
            MemorySegment tile,
            MemorySegment exponentials,
            MemorySegment maxima,
            MemorySegment energies,
            long statisticsAt) {
        for (int t = 0; t < tokens; t++) {
            float max = maxima.get(FLOAT, statisticsAt + t * (long) Float.BYTES);
            float sum = 0;
            for (int row = 0; row < rows; row++) {
                float e = exponentials.get(FLOAT, cell(row, t));
                float below = tile.get(FLOAT, cell(row, t)) - max;
                sum = Math.fma(e, e == 0 ? 0 : below, sum);
            }
            energies.set(FLOAT, statisticsAt + t * (long) Float.BYTES, sum);
        }
    }

    @Override
    public void argmax(int rows, MemorySegment tile, MemorySegment maxima, MemorySegment indices, long statisticsAt) {
        for (int t = 0; t < tokens; t++) {
            float max = maxima.get(FLOAT, statisticsAt + t * (long) Float.BYTES);
            float index = 0;
            for (int row = rows - 1; row >= 0; row--) {
                index = tile.get(FLOAT, cell(row, t)) == max ? row : index;
            }
            indices.set(FLOAT, statisticsAt + t * (long) Float.BYTES, index);
        }
    }

    @Override
    public void countAbove(
            int rows,
            MemorySegment tile,
            MemorySegment thresholds,
            long thresholdsAt,
            MemorySegment counts,
            long statisticsAt) {
        for (int t = 0; t < tokens; t++) {
            float threshold = thresholds.get(FLOAT, thresholdsAt + t * (long) Float.BYTES);
            float count = 0;
            for (int row = 0; row < rows; row++) {
                count += tile.get(FLOAT, cell(row, t)) > threshold ? 1 : 0;
            }
            counts.set(FLOAT, statisticsAt + t * (long) Float.BYTES, count);
        }
    }

    @Override
    public void findReaching(
            int first, int rows, MemorySegment tile, MemorySegment thresholds, long thresholdsAt, int[] found) {
        for (int row = 0; row < rows; row++) {
            found[row] = 0;
            for (int t = 0; t < tokens; t++) {
                float threshold = thresholds.get(FLOAT, thresholdsAt + t * (long) Float.BYTES);
                found[row] |= tile.get(FLOAT, cell(first + row, t)) >= threshold ? 1 << t : 0;
            }
        }
    }

    @Override
    public void weightedSums(
            int rows,
            MemorySegment tile,
            MemorySegment weights,
            long weightsAt,
            MemorySegment sums,
            long statisticsAt) {
        for (int t = 0; t < tokens; t++) {
            float sum = 0;
            for (int row = 0; row < rows; row++) {
                float weight = weights.get(FLOAT, weightsAt + row * (long) Float.BYTES);
                sum = Math.fma(weight == 0 ? 0 : tile.get(FLOAT, cell(row, t)), weight, sum);
            }
            sums.set(FLOAT, statisticsAt + t * (long) Float.BYTES, sum);
        }
    }

    @Override
    public void gradient(
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
            long weightsAt) {
        for (int t = 0; t < tokens; t++) {
            long statistics = statisticsAt + t * (long) Float.BYTES;
            long token = tokensAt + t * (long) Float.BYTES;
            float max = maxima.get(FLOAT, statistics);
            for (int row = 0; row < rows; row++) {
                float u = tile.get(FLOAT, cell(row, t));
                if (u == Float.NEGATIVE_INFINITY) {
                    tile.set(FLOAT, cell(row, t), 0);
                    continue;
                }
                float weight = weights == null ? 1 : weights.get(FLOAT, weightsAt + row * (long) Float.BYTES);
                float below = u - max;
                float e = ScalarExp.expNotPositive(below);
                float pull =
                        e == 0 ? 0 : e * Math.fma(below, slope.get(FLOAT, statistics), base.get(FLOAT, statistics));
                float value = Math.fma(-weight, spread.get(FLOAT, token), pull);
                float tanh = u * inverse.get(FLOAT, token);
                float bend = Math.fma(-tanh, tanh, 1);
                tile.set(FLOAT, cell(row, t), value * (bend < 0 ? 0 : bend));
            }
        }
    }

    private long cell(int row, int token) {
        return (row * (long) tokens + token) * Float.BYTES;
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
    public void scale(int rows, MemorySegment tile, MemorySegment factors, long factorsAt) {
        for (int row = 0; row < rows; row++) {
            for (int t = 0; t < tokens; t++) {
                float factor = factors.get(FLOAT, factorsAt + t * (long) Float.BYTES);
                tile.set(FLOAT, cell(row, t), tile.get(FLOAT, cell(row, t)) * factor);
            }
        }
    }
}
