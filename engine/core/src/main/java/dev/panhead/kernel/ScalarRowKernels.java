package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The row kernels in scalars. */
final class ScalarRowKernels implements RowKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    @Override
    public float exponentials(int n, MemorySegment x, long at, float[] sums) {
        float max = -Float.MAX_VALUE;
        for (int i = 0; i < n; i++) {
            float value = x.get(FLOAT, at + i * 4L);
            max = value > max ? value : max;
        }
        int end = n / PARTIAL_SUMS * PARTIAL_SUMS;
        for (int partial = 0; partial < PARTIAL_SUMS; partial++) {
            float sum = 1;
            float lost = 0;
            float count = 0;
            for (int i = partial; i < end; i += PARTIAL_SUMS) {
                float value = x.get(FLOAT, at + i * 4L);
                float exponential = value == max ? 0 : ScalarExp.expNotPositive(value - max);
                float next = sum + exponential;
                lost += exponential - (next - sum);
                sum = next;
                count += value == max ? 1 : 0;
            }
            sums[partial] = sum - 1 + lost;
            sums[PARTIAL_SUMS + partial] = count;
        }
        addLast(end, n, max, x, at, sums);
        return max;
    }

    /** Adds the elements {@code from} to {@code to}, at most one for each partial sum. */
    static void addLast(int from, int to, float max, MemorySegment x, long at, float[] sums) {
        for (int i = from; i < to; i++) {
            float value = x.get(FLOAT, at + i * 4L);
            int partial = i % PARTIAL_SUMS;
            if (value == max) {
                sums[PARTIAL_SUMS + partial]++;
            } else {
                sums[partial] += ScalarExp.expNotPositive(value - max);
            }
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
