package dev.panhead.kernel;

import static dev.panhead.kernel.ScalarElementKernels.GELU_1;
import static dev.panhead.kernel.ScalarElementKernels.GELU_3;
import static dev.panhead.kernel.ScalarElementKernels.PARTIAL_SUMS;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The element kernels in vectors; what is left of a run beyond whole vectors is done by the scalar ones. */
final class VectorElementKernels implements ElementKernels {

    private static final int LANES = FLOATS.length();
    private static final int VECTOR_BYTES = LANES * Float.BYTES;
    private static final ElementKernels SCALAR = new ScalarElementKernels();

    @Override
    public void exp(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            VectorExp.exp(load(x, xAt + o)).intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.exp(n % LANES, x, xAt + end, y, yAt + end);
    }

    @Override
    public void log(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            VectorLog.log(load(x, xAt + o)).intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.log(n % LANES, x, xAt + end, y, yAt + end);
    }

    @Override
    public void gelu(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector value = load(x, xAt + o);
            value.mul(gate(value)).intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.gelu(n % LANES, x, xAt + end, y, yAt + end);
    }

    @Override
    public void geluGradient(
            int n, MemorySegment x, long xAt, MemorySegment dy, long dyAt, MemorySegment dx, long dxAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector value = load(x, xAt + o);
            FloatVector gate = gate(value);
            FloatVector slope = value.mul(value).fma(constant(3 * GELU_3), constant(GELU_1)).mul(value);
            FloatVector derivative = gate.mul(constant(1).sub(gate)).fma(slope, gate);
            derivative.mul(load(dy, dyAt + o)).intoMemorySegment(dx, dxAt + o, ORDER);
        }
        SCALAR.geluGradient(n % LANES, x, xAt + end, dy, dyAt + end, dx, dxAt + end);
    }

    private static FloatVector gate(FloatVector x) {
        FloatVector u = x.mul(x).fma(constant(GELU_3), constant(GELU_1)).mul(x);
        return constant(1).div(VectorExp.exp(u.neg()).add(1));
    }

    @Override
    public void add(int n, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            load(y, yAt + o).add(load(x, xAt + o)).intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.add(n % LANES, x, xAt + end, y, yAt + end);
    }

    @Override
    public void columnSums(
            int rows, int columns, int block, MemorySegment x, long xAt, long stride, MemorySegment sum, long sumAt,
            boolean accumulate) {
        int end = whole(columns);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector total = accumulate ? load(sum, sumAt + o) : FloatVector.zero(FLOATS);
            for (int from = 0; from < rows; from += block) {
                FloatVector partial = FloatVector.zero(FLOATS);
                for (int r = from; r < Math.min(from + block, rows); r++) {
                    partial = partial.add(load(x, xAt + o + r * stride));
                }
                total = total.add(partial);
            }
            total.intoMemorySegment(sum, sumAt + o, ORDER);
        }
        SCALAR.columnSums(rows, columns % LANES, block, x, xAt + end, stride, sum, sumAt + end, accumulate);
    }

    @Override
    public double sumOfSquares(int n, MemorySegment x, long at) {
        double total = 0;
        int end = n / PARTIAL_SUMS * PARTIAL_SUMS;
        for (int first = 0; first < PARTIAL_SUMS; first += LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < end; i += PARTIAL_SUMS) {
                FloatVector value = load(x, at + (first + (long) i) * Float.BYTES);
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
            int n, SgdStep step, MemorySegment parameters, long parametersAt, MemorySegment gradient, long gradientAt,
            MemorySegment velocity, long velocityAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector p = load(parameters, parametersAt + o);
            FloatVector g = p.fma(constant(step.decay), load(gradient, gradientAt + o).mul(step.scale));
            if (velocity != null) {
                FloatVector v = load(velocity, velocityAt + o).fma(constant(step.momentum), g);
                v.intoMemorySegment(velocity, velocityAt + o, ORDER);
                g = step.nesterov ? v.fma(constant(step.momentum), g) : v;
            }
            g.fma(constant(-step.rate), p).intoMemorySegment(parameters, parametersAt + o, ORDER);
        }
        SCALAR.sgd(
                n % LANES, step, parameters, parametersAt + end, gradient, gradientAt + end, velocity, velocityAt + end);
    }

    @Override
    public void adamW(
            int n, AdamWStep step, MemorySegment parameters, long parametersAt, MemorySegment gradient, long gradientAt,
            MemorySegment first, MemorySegment second, long momentsAt) {
        int end = whole(n);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector g = load(gradient, gradientAt + o).mul(step.scale);
            FloatVector m = load(first, momentsAt + o).fma(constant(step.beta1), g.mul(step.share1));
            FloatVector v = load(second, momentsAt + o).fma(constant(step.beta2), g.mul(g).mul(step.share2));
            m.intoMemorySegment(first, momentsAt + o, ORDER);
            v.intoMemorySegment(second, momentsAt + o, ORDER);
            FloatVector denominator = v.sqrt().fma(constant(step.correction), constant(step.epsilon));
            m.div(denominator)
                    .fma(constant(-step.rate), load(parameters, parametersAt + o).mul(step.keep))
                    .intoMemorySegment(parameters, parametersAt + o, ORDER);
        }
        SCALAR.adamW(
                n % LANES, step, parameters, parametersAt + end, gradient, gradientAt + end, first, second,
                momentsAt + end);
    }

    /** Bytes of the whole vectors among n floats. */
    private static int whole(int n) {
        return n / LANES * VECTOR_BYTES;
    }

    private static FloatVector constant(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    private static FloatVector load(MemorySegment segment, long offset) {
        return FloatVector.fromMemorySegment(FLOATS, segment, offset, ORDER);
    }
}
