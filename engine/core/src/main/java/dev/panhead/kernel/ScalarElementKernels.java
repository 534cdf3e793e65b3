package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The element kernels in scalars. */
final class ScalarElementKernels implements ElementKernels {

    /** Partial sums of {@link #sumOfSquares}. */
    static final int PARTIAL_SUMS = 32;

    /** gelu(x) = x / (1 + e^-u), u = x (GELU_1 + GELU_3 x^2): 2 sqrt(2 / pi), and 0.044715 times that. */
    static final float GELU_1 = 1.59576912f;

    static final float GELU_3 = 0.0713548163f;

    /** From here on gelu's derivative is 1 or 0, whatever the slope of its gate. */
    static final float GELU_FLAT = 16;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    @Override
    public void exp(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        for (int i = 0; i < n; i++) {
            y.set(FLOAT, yAt + i * 4L, ScalarExp.exp(x.get(FLOAT, xAt + i * 4L)));
        }
    }

    @Override
    public void log(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        for (int i = 0; i < n; i++) {
            y.set(FLOAT, yAt + i * 4L, ScalarLog.log(x.get(FLOAT, xAt + i * 4L)));
        }
    }

    @Override
    public void gelu(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        for (int i = 0; i < n; i++) {
            float value = x.get(FLOAT, xAt + i * 4L);
            y.set(FLOAT, yAt + i * 4L, value * gate(value));
        }
    }

    @Override
    public void geluGradient(
            int n, MemorySegment x, long xAt, MemorySegment dy, long dyAt, MemorySegment dx, long dxAt) {
        for (int i = 0; i < n; i++) {
            float value = x.get(FLOAT, xAt + i * 4L);
            float decay = decay(value);
            float gate = 1 / (1 + decay);
            float near = Math.max(-GELU_FLAT, Math.min(GELU_FLAT, value));
            float slope = Math.fma(near * near, 3 * GELU_3, GELU_1) * near;
            float rest = value > 0 ? gate * decay : 1 - gate; // 1 - gate without cancellation
            float derivative = Math.fma(gate * rest, slope, gate);
            dx.set(FLOAT, dxAt + i * 4L, derivative * dy.get(FLOAT, dyAt + i * 4L));
        }
    }

    private static float gate(float x) {
        return 1 / (1 + decay(x));
    }

    /** e^-u. */
    private static float decay(float x) {
        float u = Math.fma(x * x, GELU_3, GELU_1) * x;
        return ScalarExp.exp(-u);
    }

    @Override
    public void addScaled(int n, float scale, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        for (int i = 0; i < n; i++) {
            y.set(FLOAT, yAt + i * 4L, Math.fma(x.get(FLOAT, xAt + i * 4L), scale, y.get(FLOAT, yAt + i * 4L)));
        }
    }

    @Override
    public void columnSums(
            int rows,
            int columns,
            int block,
            MemorySegment x,
            long xAt,
            long stride,
            MemorySegment sum,
            long sumAt,
            boolean accumulate) {
        for (int c = 0; c < columns; c++) {
            float total = accumulate ? sum.get(FLOAT, sumAt + c * 4L) : 0;
            for (int from = 0; from < rows; from += block) {
                float partial = 0;
                for (int r = from; r < Math.min(from + block, rows); r++) {
                    partial += x.get(FLOAT, xAt + r * stride + c * 4L);
                }
                total += partial;
            }
            sum.set(FLOAT, sumAt + c * 4L, total);
        }
    }

    @Override
    public double sumOfSquares(int n, MemorySegment x, long at) {
        double total = 0;
        for (int lane = 0; lane < PARTIAL_SUMS; lane++) {
            float sum = 0;
            for (int i = lane; i < n; i += PARTIAL_SUMS) {
                float value = x.get(FLOAT, at + i * 4L);
                sum = Math.fma(value, value, sum);
            }
            total += sum;
        }
        return total;
    }

    @Override
    public void sgd(
            int n,
            SgdStep step,
            MemorySegment parameters,
            long parametersAt,
            MemorySegment gradient,
            long gradientAt,
            MemorySegment velocity,
            long velocityAt) {
        for (int i = 0; i < n; i++) {
            long o = i * 4L;
            float p = parameters.get(FLOAT, parametersAt + o);
            float g = Math.fma(p, step.decay, gradient.get(FLOAT, gradientAt + o) * step.scale);
            if (velocity != null) {
                float v = Math.fma(velocity.get(FLOAT, velocityAt + o), step.momentum, g);
                velocity.set(FLOAT, velocityAt + o, v);
                g = step.nesterov ? Math.fma(v, step.momentum, g) : v;
            }
            parameters.set(FLOAT, parametersAt + o, Math.fma(g, -step.rate, p));
        }
    }

    @Override
    public void adamW(
            int n,
            AdamWStep step,
            MemorySegment parameters,
            long parametersAt,
            MemorySegment gradient,
            long gradientAt,
            MemorySegment first,
            MemorySegment second,
            long momentsAt) {
        for (int i = 0; i < n; i++) {
            long o = i * 4L;
            float g = gradient.get(FLOAT, gradientAt + o) * step.scale;
            float m = Math.fma(first.get(FLOAT, momentsAt + o), step.beta1, g * step.share1);
            float v = Math.fma(second.get(FLOAT, momentsAt + o), step.beta2, g * g * step.share2);
            first.set(FLOAT, momentsAt + o, m);
            second.set(FLOAT, momentsAt + o, v);
            float denominator = Math.fma((float) Math.sqrt(v), step.correction, step.epsilon);
            float p = parameters.get(FLOAT, parametersAt + o);
            parameters.set(FLOAT, parametersAt + o, p - Math.fma(m / denominator, step.rate, p * step.decay));
        }
    }
}
