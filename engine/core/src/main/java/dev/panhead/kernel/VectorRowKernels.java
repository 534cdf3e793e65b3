package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOAT;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The row kernels in vectors; what is left of a row beyond whole vectors is done in scalars. */
final class VectorRowKernels implements RowKernels {

    private static final int LANES = FLOATS.length();
    private static final int VECTOR_BYTES = LANES * Float.BYTES;
    private static final RowKernels SCALAR = new ScalarRowKernels();

    @Override
    public float max(int n, MemorySegment x, long at) {
        int end = n / LANES * VECTOR_BYTES;
        FloatVector max = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, at + o, ORDER);
            max = max.blend(value, value.compare(VectorOperators.GT, max));
        }
        return Math.max(max.reduceLanes(VectorOperators.MAX), SCALAR.max(n % LANES, x, at + end));
    }

    @Override
    public double sumOfOthers(int n, float max, MemorySegment x, long at) {
        double total = 0;
        double largest = 0;
        int end = n / PARTIAL_SUMS * PARTIAL_SUMS;
        FloatVector zero = FloatVector.zero(FLOATS);
        for (int first = 0; first < PARTIAL_SUMS; first += LANES) {
            FloatVector sum = zero;
            FloatVector count = zero;
            for (int i = 0; i < end; i += PARTIAL_SUMS) {
                FloatVector value =
                        FloatVector.fromMemorySegment(FLOATS, x, at + (first + (long) i) * Float.BYTES, ORDER);
                VectorMask<Float> top = value.compare(VectorOperators.EQ, max);
                sum = sum.add(VectorExp.exp(value.sub(max)).blend(0, top));
                count = count.add(zero.blend(1, top));
            }
            for (int lane = 0; lane < LANES; lane++) {
                float partial = sum.lane(lane);
                float counted = count.lane(lane);
                int last = end + first + lane;
                if (last < n) {
                    float value = x.get(FLOAT, at + last * (long) Float.BYTES);
                    partial += value == max ? 0 : ScalarExp.exp(value - max);
                    counted += value == max ? 1 : 0;
                }
                total += partial;
                largest += counted;
            }
        }
        return largest - 1 + total;
    }

    @Override
    public double sum(int n, MemorySegment x, long at) {
        double total = 0;
        int end = n / PARTIAL_SUMS * PARTIAL_SUMS;
        for (int first = 0; first < PARTIAL_SUMS; first += LANES) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < end; i += PARTIAL_SUMS) {
                sum = sum.add(FloatVector.fromMemorySegment(FLOATS, x, at + (first + (long) i) * Float.BYTES, ORDER));
            }
            for (int lane = 0; lane < LANES; lane++) {
                int last = end + first + lane;
                float partial = sum.lane(lane);
                total += last < n ? partial + x.get(FLOAT, at + last * (long) Float.BYTES) : partial;
            }
        }
        return total;
    }

    @Override
    public void shift(int n, float shift, float logSum, MemorySegment x, long xAt, MemorySegment y, long yAt) {
        int end = n / LANES * VECTOR_BYTES;
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER)
                    .sub(shift)
                    .sub(logSum)
                    .intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.shift(n % LANES, shift, logSum, x, xAt + end, y, yAt + end);
    }

    @Override
    public void gradient(
            int n, float total, MemorySegment y, long yAt, MemorySegment g, long gAt, MemorySegment dx, long dxAt) {
        int end = n / LANES * VECTOR_BYTES;
        FloatVector factor = FloatVector.broadcast(FLOATS, -total);
        for (int o = 0; o < end; o += VECTOR_BYTES) {
            VectorExp.exp(FloatVector.fromMemorySegment(FLOATS, y, yAt + o, ORDER))
                    .fma(factor, FloatVector.fromMemorySegment(FLOATS, g, gAt + o, ORDER))
                    .intoMemorySegment(dx, dxAt + o, ORDER);
        }
        SCALAR.gradient(n % LANES, total, y, yAt + end, g, gAt + end, dx, dxAt + end);
    }
}
