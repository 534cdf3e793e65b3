package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOAT;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The softmax kernels in vectors: two vectors of tokens a row. */
final class VectorSoftmaxKernels implements SoftmaxKernels {

    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();
    private static final int ROW_BYTES = 2 * VECTOR_BYTES;
    private static final SoftmaxKernels SCALAR = new ScalarSoftmaxKernels(VectorMatrixKernels.TILE);

    @Override
    public void exponentials(
            int rows,
            MemorySegment tile,
            MemorySegment exponentials,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        if (!PlainMemory.is(exponentials)) {
            SCALAR.exponentials(rows, tile, exponentials, maxima, sums, statisticsAt);
            return;
        }
        maxima(rows, tile, maxima, statisticsAt);
        exponentials(rows * ROW_BYTES, tile, exponentials, 0, maxima, sums, statisticsAt);
        exponentials(rows * ROW_BYTES, tile, exponentials, VECTOR_BYTES, maxima, sums, statisticsAt + VECTOR_BYTES);
    }

    /** The rows' upper and lower halves side by side, since a comparison waits for the one before it; a middle row is in both. */
    private static void maxima(int rows, MemorySegment logits, MemorySegment maxima, long statisticsAt) {
        FloatVector max0 = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        FloatVector max1 = max0;
        FloatVector max2 = max0;
        FloatVector max3 = max0;
        int half = (rows + 1) / 2;
        long lower = (long) (rows - half) * ROW_BYTES;
        for (int o = 0; o < half * ROW_BYTES; o += ROW_BYTES) {
            FloatVector z0 = FloatVector.fromMemorySegment(FLOATS, logits, o, ORDER);
            FloatVector z1 = FloatVector.fromMemorySegment(FLOATS, logits, (long) o + VECTOR_BYTES, ORDER);
            FloatVector z2 = FloatVector.fromMemorySegment(FLOATS, logits, lower + o, ORDER);
            FloatVector z3 = FloatVector.fromMemorySegment(FLOATS, logits, lower + VECTOR_BYTES + o, ORDER);
            max0 = max0.blend(z0, z0.compare(VectorOperators.GT, max0));
            max1 = max1.blend(z1, z1.compare(VectorOperators.GT, max1));
            max2 = max2.blend(z2, z2.compare(VectorOperators.GT, max2));
            max3 = max3.blend(z3, z3.compare(VectorOperators.GT, max3));
        }
        max0.blend(max2, max2.compare(VectorOperators.GT, max0)).intoMemorySegment(maxima, statisticsAt, ORDER);
        max1.blend(max3, max3.compare(VectorOperators.GT, max1))
                .intoMemorySegment(maxima, statisticsAt + VECTOR_BYTES, ORDER);
    }

    /** One vector of tokens: two exponentials in one method are more than C2 inlines. */
    private static void exponentials(
            int end,
            MemorySegment logits,
            MemorySegment target,
            long column,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        MemorySegment exponentials = PlainMemory.of(target);
        FloatVector max = FloatVector.fromMemorySegment(FLOATS, maxima, statisticsAt, ORDER);
        FloatVector sum = FloatVector.broadcast(FLOATS, 1);
        FloatVector lost = FloatVector.zero(FLOATS);
        for (int o = 0; o < end; o += ROW_BYTES) {
            FloatVector e = VectorExp.expNotPositive(FloatVector.fromMemorySegment(FLOATS, logits, o + column, ORDER)
                    .sub(max));
            e.intoMemorySegment(exponentials, o + column, ORDER);
            FloatVector next = sum.add(e);
            lost = lost.add(e.sub(next.sub(sum)));
            sum = next;
        }
        sum.sub(1).add(lost).intoMemorySegment(sums, statisticsAt, ORDER);
    }

    @Override
    public void addBias(int rows, MemorySegment target, MemorySegment bias, long biasAt) {
        if (!PlainMemory.is(target)) {
            SCALAR.addBias(rows, target, bias, biasAt);
            return;
        }
        MemorySegment tile = PlainMemory.of(target);
        for (int row = 0; row < rows; row++) {
            FloatVector b = FloatVector.broadcast(FLOATS, bias.get(FLOAT, biasAt + row * (long) Float.BYTES));
            long o = row * (long) ROW_BYTES;
            FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER).add(b).intoMemorySegment(tile, o, ORDER);
            FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER)
                    .add(b)
                    .intoMemorySegment(tile, o + VECTOR_BYTES, ORDER);
        }
    }

    @Override
    public void softcap(int rows, MemorySegment target, float cap) {
        if (!PlainMemory.is(target)) {
            SCALAR.softcap(rows, target, cap);
            return;
        }
        MemorySegment tile = PlainMemory.of(target);
        float inverse = 1 / cap;
        for (int o = 0; o < rows * ROW_BYTES; o += VECTOR_BYTES) {
            FloatVector z = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER);
            VectorTanh.tanh(z.mul(inverse))
                    .mul(cap)
                    .blend(z, z.abs().compare(VectorOperators.EQ, Float.POSITIVE_INFINITY))
                    .intoMemorySegment(tile, o, ORDER);
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
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = sum0;
        for (int row = 0; row < rows; row++) {
            FloatVector c = FloatVector.broadcast(FLOATS, weights.get(FLOAT, weightsAt + row * (long) Float.BYTES));
            VectorMask<Float> out = c.compare(VectorOperators.EQ, 0);
            long o = row * (long) ROW_BYTES;
            FloatVector u0 = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER);
            FloatVector u1 = FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER);
            sum0 = u0.blend(0, out).fma(c, sum0);
            sum1 = u1.blend(0, out).fma(c, sum1);
        }
        sum0.intoMemorySegment(sums, statisticsAt, ORDER);
        sum1.intoMemorySegment(sums, statisticsAt + VECTOR_BYTES, ORDER);
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
        if (!PlainMemory.is(tile)) {
            SCALAR.gradient(
                    rows, tile, maxima, base, slope, statisticsAt, spread, inverse, tokensAt, weights, weightsAt);
            return;
        }
        for (int column = 0; column < ROW_BYTES; column += VECTOR_BYTES) {
            long at = statisticsAt + column;
            gradient(
                    rows,
                    tile,
                    column,
                    maxima,
                    base,
                    slope,
                    at,
                    spread,
                    inverse,
                    tokensAt + column,
                    weights,
                    weightsAt);
        }
    }

    /** One vector of tokens. */
    private static void gradient(
            int rows,
            MemorySegment target,
            long column,
            MemorySegment maxima,
            MemorySegment base,
            MemorySegment slope,
            long statisticsAt,
            MemorySegment spread,
            MemorySegment inverse,
            long tokensAt,
            MemorySegment weights,
            long weightsAt) {
        MemorySegment tile = PlainMemory.of(target);
        FloatVector one = FloatVector.broadcast(FLOATS, 1);
        FloatVector max = FloatVector.fromMemorySegment(FLOATS, maxima, statisticsAt, ORDER);
        FloatVector constant = FloatVector.fromMemorySegment(FLOATS, base, statisticsAt, ORDER);
        FloatVector linear = FloatVector.fromMemorySegment(FLOATS, slope, statisticsAt, ORDER);
        FloatVector share = FloatVector.fromMemorySegment(FLOATS, spread, tokensAt, ORDER);
        FloatVector scale = FloatVector.fromMemorySegment(FLOATS, inverse, tokensAt, ORDER);
        for (int row = 0; row < rows; row++) {
            float weight = weights == null ? 1 : weights.get(FLOAT, weightsAt + row * (long) Float.BYTES);
            long o = row * (long) ROW_BYTES + column;
            FloatVector u = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER);
            FloatVector below = u.sub(max);
            FloatVector e = VectorExp.expNotPositive(below);
            FloatVector pull = e.mul(below.fma(linear, constant)).blend(0, e.compare(VectorOperators.EQ, 0));
            FloatVector tanh = u.mul(scale);
            FloatVector bend = tanh.neg().fma(tanh, one);
            FloatVector.broadcast(FLOATS, -weight)
                    .fma(share, pull)
                    .mul(bend.blend(0, bend.compare(VectorOperators.LT, 0)))
                    .blend(0, u.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY))
                    .intoMemorySegment(tile, o, ORDER);
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
        FloatVector max0 = FloatVector.fromMemorySegment(FLOATS, maxima, statisticsAt, ORDER);
        FloatVector max1 = FloatVector.fromMemorySegment(FLOATS, maxima, statisticsAt + VECTOR_BYTES, ORDER);
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = sum0;
        for (int o = 0; o < rows * ROW_BYTES; o += ROW_BYTES) {
            FloatVector e0 = FloatVector.fromMemorySegment(FLOATS, exponentials, o, ORDER);
            FloatVector e1 = FloatVector.fromMemorySegment(FLOATS, exponentials, (long) o + VECTOR_BYTES, ORDER);
            FloatVector below0 =
                    FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER).sub(max0);
            FloatVector below1 = FloatVector.fromMemorySegment(FLOATS, tile, (long) o + VECTOR_BYTES, ORDER)
                    .sub(max1);
            sum0 = e0.fma(below0.blend(0, e0.compare(VectorOperators.EQ, 0)), sum0);
            sum1 = e1.fma(below1.blend(0, e1.compare(VectorOperators.EQ, 0)), sum1);
        }
        sum0.intoMemorySegment(energies, statisticsAt, ORDER);
        sum1.intoMemorySegment(energies, statisticsAt + VECTOR_BYTES, ORDER);
    }

    @Override
    public void argmax(int rows, MemorySegment tile, MemorySegment maxima, MemorySegment indices, long statisticsAt) {
        FloatVector max0 = FloatVector.fromMemorySegment(FLOATS, maxima, statisticsAt, ORDER);
        FloatVector max1 = FloatVector.fromMemorySegment(FLOATS, maxima, statisticsAt + VECTOR_BYTES, ORDER);
        FloatVector index0 = FloatVector.zero(FLOATS);
        FloatVector index1 = index0;
        for (int row = rows - 1; row >= 0; row--) {
            long o = row * (long) ROW_BYTES;
            FloatVector z0 = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER);
            FloatVector z1 = FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER);
            index0 = index0.blend(row, z0.compare(VectorOperators.EQ, max0));
            index1 = index1.blend(row, z1.compare(VectorOperators.EQ, max1));
        }
        index0.intoMemorySegment(indices, statisticsAt, ORDER);
        index1.intoMemorySegment(indices, statisticsAt + VECTOR_BYTES, ORDER);
    }

    @Override
    public void countAbove(
            int rows,
            MemorySegment tile,
            MemorySegment thresholds,
            long thresholdsAt,
            MemorySegment counts,
            long statisticsAt) {
        FloatVector threshold0 = FloatVector.fromMemorySegment(FLOATS, thresholds, thresholdsAt, ORDER);
        FloatVector threshold1 = FloatVector.fromMemorySegment(FLOATS, thresholds, thresholdsAt + VECTOR_BYTES, ORDER);
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector count0 = zero;
        FloatVector count1 = zero;
        for (int o = 0; o < rows * ROW_BYTES; o += ROW_BYTES) {
            FloatVector z0 = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER);
            FloatVector z1 = FloatVector.fromMemorySegment(FLOATS, tile, (long) o + VECTOR_BYTES, ORDER);
            count0 = count0.add(zero.blend(1, z0.compare(VectorOperators.GT, threshold0)));
            count1 = count1.add(zero.blend(1, z1.compare(VectorOperators.GT, threshold1)));
        }
        count0.intoMemorySegment(counts, statisticsAt, ORDER);
        count1.intoMemorySegment(counts, statisticsAt + VECTOR_BYTES, ORDER);
    }

    @Override
    public void findReaching(
            int first, int rows, MemorySegment tile, MemorySegment thresholds, long thresholdsAt, int[] found) {
        FloatVector threshold0 = FloatVector.fromMemorySegment(FLOATS, thresholds, thresholdsAt, ORDER);
        FloatVector threshold1 = FloatVector.fromMemorySegment(FLOATS, thresholds, thresholdsAt + VECTOR_BYTES, ORDER);
        long begin = first * (long) ROW_BYTES;
        for (int row = 0; row < rows; row++) {
            long o = begin + row * (long) ROW_BYTES;
            FloatVector z0 = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER);
            FloatVector z1 = FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER);
            long found0 = z0.compare(VectorOperators.GE, threshold0).toLong();
            long found1 = z1.compare(VectorOperators.GE, threshold1).toLong();
            found[row] = (int) (found0 | found1 << FLOATS.length());
        }
    }

    @Override
    public void mergeMaxima(
            int blocks, MemorySegment maxima, long at, long stride, MemorySegment merged, long mergedAt) {
        // Once a token and vocabulary block: a call site so cold that C2 would not inline an exponential, and box its
        // vectors.
        SCALAR.mergeMaxima(blocks, maxima, at, stride, merged, mergedAt);
    }

    @Override
    public void scale(int rows, MemorySegment target, MemorySegment factors, long factorsAt) {
        if (!PlainMemory.is(target)) {
            SCALAR.scale(rows, target, factors, factorsAt);
            return;
        }
        MemorySegment tile = PlainMemory.of(target);
        FloatVector f0 = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt, ORDER);
        FloatVector f1 = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt + VECTOR_BYTES, ORDER);
        for (int o = 0; o < rows * ROW_BYTES; o += ROW_BYTES) {
            f0.mul(FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER)).intoMemorySegment(tile, o, ORDER);
            f1.mul(FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER))
                    .intoMemorySegment(tile, o + VECTOR_BYTES, ORDER);
        }
    }
}
