package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The row kernels in scalars. */
final class ScalarRowKernels implements RowKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    @Override
    public float max(int n, MemorySegment x, long at) {
        float max = -Float.MAX_VALUE;
        for (int i = 0; i < n; i++) {
            float value = x.get(FLOAT, at + i * 4L);
            max = value > max ? value : max;
        }
        return max;
    }

    @Override
    public float exponentials(int n, float max, MemorySegment x, long at, int next, float[] sums) {
        Arrays.fill(sums, 0, PARTIAL_SUMS, 1);
        Arrays.fill(sums, PARTIAL_SUMS, 2 * PARTIAL_SUMS, 0);
        addExponentials(0, n, max, x, at, sums);
        return max(next, x, at + n * 4L);
    }

    /** Adds the elements {@code from} to {@code to}. */
    static void addExponentials(int from, int to, float max, MemorySegment x, long at, float[] sums) {
        for (int i = from; i < to; i++) {
            int partial = i % PARTIAL_SUMS;
            float exponential = ScalarExp.expNotPositive(x.get(FLOAT, at + i * 4L) - max);
            float sum = sums[partial];
            float total = sum + exponential;
            sums[PARTIAL_SUMS + partial] += exponential - (total - sum);
            sums[partial] = total;
        }
    }

    @Override
    public double sum(int n, MemorySegment x, long at) {
        double total = 0;
        for (int lane = 0; lane < PARTIAL_SUMS; lane++) {
            float sum = 0;
            for (int i = lane; i < n; i += PARTIAL_SUMS) {
                sum += x.get(FLOAT, at + i * 4L);
            }
            total += sum;
        }
        return total;
    }

    @Override
    public void shift(
            int n, float shift, float rest, float logSum, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        for (int i = 0; i < n; i++) {
            y.set(FLOAT, yAt + i * 4L, x.get(FLOAT, xAt + i * 4L) - shift - rest - logSum);
        }
    }

    @Override
    public void gradient(
            int n, float total, MemorySegment y, long yAt, MemorySegment g, long gAt, MemorySegment dx, long dxAt) {
        for (int i = 0; i < n; i++) {
            float p = ScalarExp.exp(y.get(FLOAT, yAt + i * 4L));
            dx.set(FLOAT, dxAt + i * 4L, Math.fma(p, -total, g.get(FLOAT, gAt + i * 4L)));
        }
    }
}
