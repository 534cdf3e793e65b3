package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOAT;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The row kernels in vectors; what is left of a row beyond whole vectors is done in scalars. */
final class VectorRowKernels implements RowKernels {

    private static final int LANES = FLOATS.length();
    private static final RowKernels SCALAR = new ScalarRowKernels();

    /**
     * In four chains: the next one's comparison need not wait for the one before it. And the method is longer than what C2 inlines: called twice a row,
     * it may not have a profile yet when its caller is compiled, and a vector's operations would be calls there, on the heap, for good.
     */
    @Override
    public float max(int n, MemorySegment x, long at) {
        int end = n / LANES * LANES;
        FloatVector max0 = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        FloatVector max1 = max0;
        FloatVector max2 = max0;
        FloatVector max3 = max0;
        int i = 0;
        for (; i < end / (4 * LANES) * (4 * LANES); i += 4 * LANES) {
            long o = at + i * 4L;
            FloatVector value0 = FloatVector.fromMemorySegment(FLOATS, x, o, ORDER);
            FloatVector value1 = FloatVector.fromMemorySegment(FLOATS, x, o + LANES * 4L, ORDER);
            FloatVector value2 = FloatVector.fromMemorySegment(FLOATS, x, o + 2 * LANES * 4L, ORDER);
            FloatVector value3 = FloatVector.fromMemorySegment(FLOATS, x, o + 3 * LANES * 4L, ORDER);
            max0 = max0.blend(value0, value0.compare(VectorOperators.GT, max0));
            max1 = max1.blend(value1, value1.compare(VectorOperators.GT, max1));
            max2 = max2.blend(value2, value2.compare(VectorOperators.GT, max2));
            max3 = max3.blend(value3, value3.compare(VectorOperators.GT, max3));
        }
        for (; i < end; i += LANES) {
            FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, at + i * 4L, ORDER);
            max0 = max0.blend(value, value.compare(VectorOperators.GT, max0));
        }
        max0 = max0.blend(max1, max1.compare(VectorOperators.GT, max0));
        max2 = max2.blend(max3, max3.compare(VectorOperators.GT, max2));
        max0 = max0.blend(max2, max2.compare(VectorOperators.GT, max0));
        float largest = max0.reduceLanes(VectorOperators.MAX);
        for (; i < n; i++) {
            float value = x.get(FLOAT, at + i * 4L);
            largest = value > largest ? value : largest;
        }
        return largest;
    }

    @Override
    public float exponentials(int n, float max, MemorySegment x, long at, int next, float[] sums) {
        int end = n / PARTIAL_SUMS * PARTIAL_SUMS;
        long nextAt = at + n * 4L;
        boolean along = next == n && end == n;
        long ahead = along ? nextAt : at; // a last run reads itself once more, which is in cache
        float nextMax = -Float.MAX_VALUE;
        for (int first = 0; first < PARTIAL_SUMS; first += LANES) {
            float largest = addExponentials(first, end, max, x, at, ahead, sums);
            nextMax = largest > nextMax ? largest : nextMax;
            ahead += end / PARTIAL_SUMS * (long) LANES * Float.BYTES;
        }
        ScalarRowKernels.addExponentials(end, n, max, x, at, sums);
        return along ? nextMax : max(next, x, nextAt);
    }

    /**
     * The partial sums of one vector of elements in each {@value #PARTIAL_SUMS}, added up as {@link SoftmaxKernels#exponentials} says.
     *
     * @return the maximum of as many elements, one behind the other, from {@code ahead} on
     */
    private static float addExponentials(
            int first, int end, float max, MemorySegment x, long at, long ahead, float[] sums) {
        FloatVector sum = FloatVector.broadcast(FLOATS, 1);
        FloatVector lost = FloatVector.zero(FLOATS);
        FloatVector largest = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        for (int i = first, j = 0; i < end; i += PARTIAL_SUMS, j += LANES) {
            FloatVector value = FloatVector.fromMemorySegment(FLOATS, x, ahead + j * 4L, ORDER);
            largest = largest.blend(value, value.compare(VectorOperators.GT, largest));
            FloatVector e = VectorExp.expNotPositive(
                    FloatVector.fromMemorySegment(FLOATS, x, at + i * 4L, ORDER).sub(max));
            FloatVector total = sum.add(e);
            lost = lost.add(e.sub(total.sub(sum)));
            sum = total;
        }
        sum.intoArray(sums, first);
        lost.intoArray(sums, PARTIAL_SUMS + first);
        return largest.reduceLanes(VectorOperators.MAX);
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
    public void shift(
            int n, float shift, float rest, float logSum, MemorySegment x, long xAt, MemorySegment target, long yAt) {
        if (!PlainMemory.is(target)) {
            SCALAR.shift(n, shift, rest, logSum, x, xAt, target, yAt);
            return;
        }
        MemorySegment y = PlainMemory.of(target);
        int end = n / LANES * LANES;
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            FloatVector.fromMemorySegment(FLOATS, x, xAt + o, ORDER)
                    .sub(shift)
                    .sub(rest)
                    .sub(logSum)
                    .intoMemorySegment(y, yAt + o, ORDER);
        }
        SCALAR.shift(n % LANES, shift, rest, logSum, x, xAt + end * 4L, y, yAt + end * 4L);
    }

    @Override
    public void gradient(
            int n, float total, MemorySegment y, long yAt, MemorySegment g, long gAt, MemorySegment target, long dxAt) {
        if (!PlainMemory.is(target)) {
            SCALAR.gradient(n, total, y, yAt, g, gAt, target, dxAt);
            return;
        }
        MemorySegment dx = PlainMemory.of(target);
        int end = n / LANES * LANES;
        FloatVector factor = FloatVector.broadcast(FLOATS, -total);
        for (int i = 0; i < end; i += LANES) {
            long o = i * 4L;
            VectorExp.exp(FloatVector.fromMemorySegment(FLOATS, y, yAt + o, ORDER))
                    .fma(factor, FloatVector.fromMemorySegment(FLOATS, g, gAt + o, ORDER))
                    .intoMemorySegment(dx, dxAt + o, ORDER);
        }
        SCALAR.gradient(n % LANES, total, y, yAt + end * 4L, g, gAt + end * 4L, dx, dxAt + end * 4L);
    }
}
