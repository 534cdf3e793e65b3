package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOAT;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
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
            MemorySegment bias,
            long biasAt,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        if (bias != null) {
            addBias(rows, tile, bias, biasAt);
        }
        exponentials(rows * ROW_BYTES, tile, exponentials, 0, maxima, sums, statisticsAt);
        exponentials(rows * ROW_BYTES, tile, exponentials, VECTOR_BYTES, maxima, sums, statisticsAt + VECTOR_BYTES);
    }

    /** One vector of tokens: two exponentials in one method are more than C2 inlines. */
    private static void exponentials(
            int end,
            MemorySegment logits,
            MemorySegment exponentials,
            long column,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        FloatVector max = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        for (int o = 0; o < end; o += ROW_BYTES) {
            FloatVector z = FloatVector.fromMemorySegment(FLOATS, logits, o + column, ORDER);
            max = max.blend(z, z.compare(VectorOperators.GT, max));
        }
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int o = 0; o < end; o += ROW_BYTES) {
            FloatVector e = VectorExp.exp(FloatVector.fromMemorySegment(FLOATS, logits, o + column, ORDER)
                    .sub(max));
            e.intoMemorySegment(exponentials, o + column, ORDER);
            sum = sum.add(e);
        }
        max.intoMemorySegment(maxima, statisticsAt, ORDER);
        sum.intoMemorySegment(sums, statisticsAt, ORDER);
    }

    private static void addBias(int rows, MemorySegment logits, MemorySegment bias, long biasAt) {
        for (int row = 0; row < rows; row++) {
            FloatVector b = FloatVector.broadcast(FLOATS, bias.get(FLOAT, biasAt + row * (long) Float.BYTES));
            long o = row * (long) ROW_BYTES;
            FloatVector.fromMemorySegment(FLOATS, logits, o, ORDER).add(b).intoMemorySegment(logits, o, ORDER);
            FloatVector.fromMemorySegment(FLOATS, logits, o + VECTOR_BYTES, ORDER)
                    .add(b)
                    .intoMemorySegment(logits, o + VECTOR_BYTES, ORDER);
        }
    }

    @Override
    public void mergeMaxima(
            int blocks, MemorySegment maxima, long at, long stride, MemorySegment merged, long mergedAt) {
        SCALAR.mergeMaxima(
                blocks, maxima, at, stride, merged, mergedAt); // too few for the compiler to inline an exponential
    }

    @Override
    public void scale(int rows, MemorySegment tile, MemorySegment factors, long factorsAt) {
        int end = rows * ROW_BYTES;
        FloatVector f0 = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt, ORDER);
        FloatVector f1 = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt + VECTOR_BYTES, ORDER);
        for (int o = 0; o < end; o += ROW_BYTES) {
            FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER).mul(f0).intoMemorySegment(tile, o, ORDER);
            FloatVector.fromMemorySegment(FLOATS, tile, (long) o + VECTOR_BYTES, ORDER)
                    .mul(f1)
                    .intoMemorySegment(tile, (long) o + VECTOR_BYTES, ORDER);
        }
    }
}
