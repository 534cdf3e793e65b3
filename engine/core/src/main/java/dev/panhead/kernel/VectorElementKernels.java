package dev.panhead.kernel;

import static dev.panhead.kernel.ScalarElementKernels.GELU_1;
import static dev.panhead.kernel.ScalarElementKernels.GELU_3;
import static dev.panhead.kernel.ScalarElementKernels.GELU_FLAT;
import static dev.panhead.kernel.ScalarElementKernels.PARTIAL_SUMS;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The element kernels in vectors; what is left of a run beyond whole vectors is done by the scalar ones. */
final class VectorElementKernels implements ElementKernels {

    private static final int LANES = FLOATS.length();
    private static final ElementKernels SCALAR = new ScalarElementKernels();

    @Override
    public void exp(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            VectorExp.exp(FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER))
                    .intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.exp(n % LANES, x, xAt + end * 4L, y, yAt + end * 4L);
    }

    @Override
    public void log(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            VectorLog.log(FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER))
                    .intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.log(n % LANES, x, xAt + end * 4L, y, yAt + end * 4L);
    }

    @Override
    public void gelu(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER);
            value.mul(gate(value)).intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.gelu(n % LANES, x, xAt + end * 4L, y, yAt + end * 4L);
    }

    @Override
    public void geluGradient(
            int n, MemorySegment x, long xAt, MemorySegment dy, long dyAt, MemorySegment dx, long dxAt) {
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER);
            FloatVector decay = decay(value);
            FloatVector gate = FloatVector.broadcast(FLOATS, 1).div(decay.add(1));
            FloatVector near = value.min(GELU_FLAT).max(-GELU_FLAT);
            FloatVector slope = near.mul(near)
                    .fma(FloatVector.broadcast(FLOATS, 3 * GELU_3), FloatVector.broadcast(FLOATS, GELU_1))
                    .mul(near);
            FloatVector rest = FloatVector.broadcast(FLOATS, 1)
                    .sub(gate)
                    .blend(gate.mul(decay), value.compare(VectorOperators.GT, 0));
            gate.mul(rest)
                    .fma(slope, gate)
                    .mul(FloatVector.fromMemorySegment(FLOATS, dy, dyAt + o, ORDER))
                    .intoMemorySegment(dx, dxAt + o, ORDER);
        }
        SCALAR.geluGradient(n % LANES, x, xAt + end * 4L, dy, dyAt + end * 4L, dx, dxAt + end * 4L);
    }

    private static FloatVector gate(FloatVector x) {
        return FloatVector.broadcast(FLOATS, 1).div(decay(x).add(1));
    }

    private static FloatVector decay(FloatVector x) {
        FloatVector u = x.mul(x)
                .fma(FloatVector.broadcast(FLOATS, GELU_3), FloatVector.broadcast(FLOATS, GELU_1))
                .mul(x);
        return VectorExp.exp(u.neg());
    }

    @Override
    public void addScaled(int n, float scale, MemorySegment x, long xAt, MemorySegment target, long yAt) {
        if (!PlainMemory.is(target)) {
            SCALAR.addScaled(n, scale, x, xAt, target, yAt);
            return;
        }
        MemorySegment y = PlainMemory.of(target);
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER)
                    .fma(FloatVector.broadcast(FLOATS, scale), FloatVector.fromMemorySegment(FLOATS, y, yAt + o, ORDER))
                    .intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.addScaled(n % LANES, scale, x, xAt + end * 4L, y, yAt + end * 4L);
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
        int end = columns / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector total = accumulate
                    ? FloatVector.fromMemorySegment(FLOATS, sum, sumAt + o, ORDER)
                    : FloatVector.zero(FLOATS);
            for (int from = 0; from < rows; from += block) {
                FloatVector partial = FloatVector.zero(FLOATS);
                for (int r = from; r < Math.min(from + block, rows); r++) {
                    partial = partial.add(FloatVector.fromMemorySegment(FLOATS, x, xAt + o + r * stride, ORDER));
                }
                total = total.add(partial);
            }
            total.intoMemorySegment(sum, sumAt + o, ORDER);
        }
        SCALAR.columnSums(rows, columns % LANES, block, x, xAt + end * 4L, stride, sum, sumAt + end * 4L, accumulate);
    }

    @Override
    public double sumOfSquares(int n, MemorySegment x, long at) {
        double total = 0;
        int end = n / PARTIAL_SUMS * PARTIAL_SUMS;
        for (int first = 0; first < PARTIAL_SUMS; first += LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < end; i += PARTIAL_SUMS) {
                FloatVector value =
                        FloatVector.fromMemorySegment(FLOATS, x, at + (first + (long) i) * Float.BYTES, ORDER);
                sum = value.fma(value, sum);
            }
            for (int lane = 0; lane < LANES; lane++) {
                float partial = sum.lane(lane);
                if (end + first + lane < n) {
                    float last = x.get(VectorWidth.FLOAT, at + (end + first + lane) * (long) Float.BYTES);
                    partial = Math.fma(last, last, partial);
                }
                total += partial;
            }
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
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector p = FloatVector.fromMemorySegment(FLOATS, parameters, parametersAt + o, ORDER);
            FloatVector g = p.fma(
                    FloatVector.broadcast(FLOATS, step.decay),
                    FloatVector.fromMemorySegment(FLOATS, gradient, gradientAt + o, ORDER)
                            .mul(step.scale));
            if (velocity != null) {
                FloatVector v = FloatVector.fromMemorySegment(FLOATS, velocity, velocityAt + o, ORDER)
                        .fma(FloatVector.broadcast(FLOATS, step.momentum), g);
                v.intoMemorySegment(velocity, velocityAt + o, ORDER);
                g = step.nesterov ? v.fma(FloatVector.broadcast(FLOATS, step.momentum), g) : v;
            }
            g.fma(FloatVector.broadcast(FLOATS, -step.rate), p).intoMemorySegment(parameters, parametersAt + o, ORDER);
        }
        SCALAR.sgd(
                n % LANES,
                step,
                parameters,
                parametersAt + end * 4L,
                gradient,
                gradientAt + end * 4L,
                velocity,
                velocityAt + end * 4L);
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
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector g = FloatVector.fromMemorySegment(FLOATS, gradient, gradientAt + o, ORDER)
                    .mul(step.scale);
            FloatVector m = FloatVector.fromMemorySegment(FLOATS, first, momentsAt + o, ORDER)
                    .fma(FloatVector.broadcast(FLOATS, step.beta1), g.mul(step.share1));
            FloatVector v = FloatVector.fromMemorySegment(FLOATS, second, momentsAt + o, ORDER)
                    .fma(FloatVector.broadcast(FLOATS, step.beta2), g.mul(g).mul(step.share2));
            m.intoMemorySegment(first, momentsAt + o, ORDER);
            v.intoMemorySegment(second, momentsAt + o, ORDER);
            FloatVector denominator = v.sqrt()
                    .fma(FloatVector.broadcast(FLOATS, step.correction), FloatVector.broadcast(FLOATS, step.epsilon));
            FloatVector p = FloatVector.fromMemorySegment(FLOATS, parameters, parametersAt + o, ORDER);
            FloatVector change = m.div(denominator).fma(FloatVector.broadcast(FLOATS, step.rate), p.mul(step.decay));
            p.sub(change).intoMemorySegment(parameters, parametersAt + o, ORDER);
        }
        SCALAR.adamW(
                n % LANES,
                step,
                parameters,
                parametersAt + end * 4L,
                gradient,
                gradientAt + end * 4L,
                first,
                second,
                momentsAt + end * 4L);
    }
}
