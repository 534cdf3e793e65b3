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

    @Override
    public void exponentials(
            int rows,
            MemorySegment tile,
            long at,
            MemorySegment bias,
            long biasAt,
            MemorySegment maxima,
            MemorySegment sums,
            long statisticsAt) {
        int end = rows * ROW_BYTES;
        MemorySegment logits = tile.asSlice(at, end);
        FloatVector max0 = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
        FloatVector max1 = max0;
        if (bias != null) {
            addBias(rows, logits, bias.asSlice(biasAt, rows * (long) Float.BYTES));
        }
        for (int o = 0; o < end; o += ROW_BYTES) {
            FloatVector z0 = load(logits, o);
            FloatVector z1 = load(logits, (long) o + VECTOR_BYTES);
            max0 = max0.blend(z0, z0.compare(VectorOperators.GT, max0));
            max1 = max1.blend(z1, z1.compare(VectorOperators.GT, max1));
        }
        FloatVector sum0 = FloatVector.zero(FLOATS);
        FloatVector sum1 = sum0;
        for (int o = 0; o < end; o += ROW_BYTES) {
            FloatVector e0 = VectorExp.exp(load(logits, o).sub(max0));
            e0.intoMemorySegment(logits, o, ORDER);
            sum0 = sum0.add(e0);
            FloatVector e1 = VectorExp.exp(load(logits, (long) o + VECTOR_BYTES).sub(max1));
            e1.intoMemorySegment(logits, (long) o + VECTOR_BYTES, ORDER);
            sum1 = sum1.add(e1);
        }
        max0.intoMemorySegment(maxima, statisticsAt, ORDER);
        max1.intoMemorySegment(maxima, statisticsAt + VECTOR_BYTES, ORDER);
        sum0.intoMemorySegment(sums, statisticsAt, ORDER);
        sum1.intoMemorySegment(sums, statisticsAt + VECTOR_BYTES, ORDER);
    }

    private static void addBias(int rows, MemorySegment logits, MemorySegment bias) {
        for (int row = 0; row < rows; row++) {
            FloatVector b = FloatVector.broadcast(FLOATS, bias.get(FLOAT, row * (long) Float.BYTES));
            long o = row * (long) ROW_BYTES;
            load(logits, o).add(b).intoMemorySegment(logits, o, ORDER);
            load(logits, o + VECTOR_BYTES).add(b).intoMemorySegment(logits, o + VECTOR_BYTES, ORDER);
        }
    }

    @Override
    public void mergeMaxima(
            int blocks, MemorySegment maxima, long at, long stride, MemorySegment merged, long mergedAt) {
        for (int half = 0; half < 2; half++) {
            long first = at + half * VECTOR_BYTES;
            FloatVector max = FloatVector.broadcast(FLOATS, -Float.MAX_VALUE);
            for (int b = 0; b < blocks; b++) {
                FloatVector m = load(maxima, first + b * stride);
                max = max.blend(m, m.compare(VectorOperators.GT, max));
            }
            for (int b = 0; b < blocks; b++) {
                long o = first + b * stride;
                VectorExp.exp(load(maxima, o).sub(max)).intoMemorySegment(maxima, o, ORDER);
            }
            max.intoMemorySegment(merged, mergedAt + half * VECTOR_BYTES, ORDER);
        }
    }

    @Override
    public void scale(int rows, MemorySegment tile, long at, MemorySegment factors, long factorsAt) {
        int end = rows * ROW_BYTES;
        MemorySegment cells = tile.asSlice(at, end);
        FloatVector f0 = load(factors, factorsAt);
        FloatVector f1 = load(factors, factorsAt + VECTOR_BYTES);
        for (int o = 0; o < end; o += ROW_BYTES) {
            load(cells, o).mul(f0).intoMemorySegment(cells, o, ORDER);
            load(cells, (long) o + VECTOR_BYTES).mul(f1).intoMemorySegment(cells, (long) o + VECTOR_BYTES, ORDER);
        }
    }

    private static FloatVector load(MemorySegment segment, long offset) {
        return FloatVector.fromMemorySegment(FLOATS, segment, offset, ORDER);
    }
}
