package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.INTS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The sparse kernels in vectors: two vectors of tokens a row of a tile. */
final class VectorSparseKernels implements SparseKernels {

    private static final int LANES = FLOATS.length();
    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();
    private static final int ROW_BYTES = 2 * VECTOR_BYTES;

    /** Rows of a sparse matrix that are multiplied before the next columns are. */
    private static final int ROWS = 8;

    private static final SparseKernels SCALAR = new ScalarSparseKernels(VectorMatrixKernels.TILE);

    @Override
    public int sample(
            int rows,
            MemorySegment tile,
            MemorySegment units,
            MemorySegment positions,
            long positionsAt,
            int[] foundRows,
            int[] found) {
        int count = 0;
        FloatVector unit0 = FloatVector.fromMemorySegment(FLOATS, units, 0, ORDER);
        FloatVector unit1 = FloatVector.fromMemorySegment(FLOATS, units, VECTOR_BYTES, ORDER);
        IntVector position0 = IntVector.fromMemorySegment(INTS, positions, positionsAt, ORDER);
        IntVector position1 = IntVector.fromMemorySegment(INTS, positions, positionsAt + VECTOR_BYTES, ORDER);
        for (int row = 0; row < rows; row++) {
            long o = row * (long) ROW_BYTES;
            FloatVector size0 = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER)
                    .mul(unit0)
                    .abs();
            FloatVector size1 = FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER)
                    .mul(unit1)
                    .abs();
            VectorMask<Float> whole0 = size0.compare(VectorOperators.GE, WHOLE);
            VectorMask<Float> whole1 = size1.compare(VectorOperators.GE, WHOLE);
            position0 = position0.add(size0.blend(0, whole0).add(HALF).convertShape(VectorOperators.F2I, INTS, 0));
            position1 = position1.add(size1.blend(0, whole1).add(HALF).convertShape(VectorOperators.F2I, INTS, 0));
            long found0 =
                    whole0.toLong() | position0.compare(VectorOperators.LT, 0).toLong();
            long found1 =
                    whole1.toLong() | position1.compare(VectorOperators.LT, 0).toLong();
            position0 = position0.and(Integer.MAX_VALUE);
            position1 = position1.and(Integer.MAX_VALUE);
            int bits = (int) (found0 | found1 << LANES);
            foundRows[count] = row;
            found[count] = bits;
            count += bits == 0 ? 0 : 1;
        }
        position0.intoMemorySegment(positions, positionsAt, ORDER);
        position1.intoMemorySegment(positions, positionsAt + VECTOR_BYTES, ORDER);
        return count;
    }

    @Override
    public int findLarge(
            int rows, MemorySegment tile, MemorySegment units, MemorySegment bounds, int[] foundRows, int[] found) {
        int count = 0;
        FloatVector bound0 = FloatVector.fromMemorySegment(FLOATS, bounds, 0, ORDER);
        FloatVector bound1 = FloatVector.fromMemorySegment(FLOATS, bounds, VECTOR_BYTES, ORDER);
        FloatVector unit0 = FloatVector.fromMemorySegment(FLOATS, units, 0, ORDER);
        FloatVector unit1 = FloatVector.fromMemorySegment(FLOATS, units, VECTOR_BYTES, ORDER);
        for (int row = 0; row < rows; row++) {
            long o = row * (long) ROW_BYTES;
            FloatVector size0 = FloatVector.fromMemorySegment(FLOATS, tile, o, ORDER)
                    .mul(unit0)
                    .abs();
            FloatVector size1 = FloatVector.fromMemorySegment(FLOATS, tile, o + VECTOR_BYTES, ORDER)
                    .mul(unit1)
                    .abs();
            long found0 = size0.compare(VectorOperators.GE, bound0).toLong();
            long found1 = size1.compare(VectorOperators.GE, bound1).toLong();
            int bits = (int) (found0 | found1 << LANES);
            foundRows[count] = row;
            found[count] = bits;
            count += bits == 0 ? 0 : 1;
        }
        return count;
    }

    @Override
    public void tails(
            int rows,
            MemorySegment tile,
            MemorySegment units,
            MemorySegment bounds,
            MemorySegment sums,
            MemorySegment counts) {
        tails(rows, tile, 0, units, bounds, sums, counts);
        tails(rows, tile, VECTOR_BYTES, units, bounds, sums, counts);
    }

    /** One vector of tokens. */
    private static void tails(
            int rows,
            MemorySegment tile,
            long column,
            MemorySegment units,
            MemorySegment bounds,
            MemorySegment sums,
            MemorySegment counts) {
        FloatVector zero = FloatVector.zero(FLOATS);
        FloatVector unit = FloatVector.fromMemorySegment(FLOATS, units, column, ORDER);
        FloatVector bound0 = FloatVector.fromMemorySegment(FLOATS, bounds, column, ORDER);
        FloatVector bound1 = FloatVector.fromMemorySegment(FLOATS, bounds, column + ROW_BYTES, ORDER);
        FloatVector bound2 = FloatVector.fromMemorySegment(FLOATS, bounds, column + 2 * ROW_BYTES, ORDER);
        FloatVector bound3 = FloatVector.fromMemorySegment(FLOATS, bounds, column + 3 * ROW_BYTES, ORDER);
        FloatVector sum0 = zero;
        FloatVector sum1 = zero;
        FloatVector sum2 = zero;
        FloatVector sum3 = zero;
        FloatVector below0 = zero;
        FloatVector below1 = zero;
        FloatVector below2 = zero;
        FloatVector below3 = zero;
        for (int row = 0; row < rows; row++) {
            FloatVector size = FloatVector.fromMemorySegment(FLOATS, tile, row * (long) ROW_BYTES + column, ORDER)
                    .mul(unit)
                    .abs();
            VectorMask<Float> less0 = size.compare(VectorOperators.LT, bound0);
            VectorMask<Float> less1 = size.compare(VectorOperators.LT, bound1);
            VectorMask<Float> less2 = size.compare(VectorOperators.LT, bound2);
            VectorMask<Float> less3 = size.compare(VectorOperators.LT, bound3);
            sum0 = sum0.add(zero.blend(size, less0));
            sum1 = sum1.add(zero.blend(size, less1));
            sum2 = sum2.add(zero.blend(size, less2));
            sum3 = sum3.add(zero.blend(size, less3));
            below0 = below0.add(zero.blend(1, less0));
            below1 = below1.add(zero.blend(1, less1));
            below2 = below2.add(zero.blend(1, less2));
            below3 = below3.add(zero.blend(1, less3));
        }
        sum0.intoMemorySegment(sums, column, ORDER);
        sum1.intoMemorySegment(sums, column + ROW_BYTES, ORDER);
        sum2.intoMemorySegment(sums, column + 2 * ROW_BYTES, ORDER);
        sum3.intoMemorySegment(sums, column + 3 * ROW_BYTES, ORDER);
        below0.intoMemorySegment(counts, column, ORDER);
        below1.intoMemorySegment(counts, column + ROW_BYTES, ORDER);
        below2.intoMemorySegment(counts, column + 2 * ROW_BYTES, ORDER);
        below3.intoMemorySegment(counts, column + 3 * ROW_BYTES, ORDER);
    }

    @Override
    public void multiply(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            int columns,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment target,
            long targetAt,
            long targetStride,
            boolean accumulate) {
        int whole = PlainMemory.is(target) ? columns : 0; // else all is scalars'
        for (int r = fromRow; r < toRow; r += ROWS) { // few at a time, so that the target is written in long runs
            int end = Math.min(r + ROWS, toRow);
            long to = targetAt + (r - fromRow) * targetStride;
            int done = 0;
            for (; done <= whole - 8 * LANES; done += 8 * LANES) {
                long o = done * (long) Float.BYTES;
                multiplyEight(
                        r,
                        end,
                        starts,
                        indices,
                        values,
                        lowest,
                        highest,
                        source,
                        sourceAt + o,
                        sourceStride,
                        target,
                        to + o,
                        targetStride,
                        accumulate);
            }
            for (; done <= whole - LANES; done += LANES) {
                long o = done * (long) Float.BYTES;
                multiplyOne(
                        r,
                        end,
                        starts,
                        indices,
                        values,
                        lowest,
                        highest,
                        source,
                        sourceAt + o,
                        sourceStride,
                        target,
                        to + o,
                        targetStride,
                        accumulate);
            }
            if (done < columns) {
                long o = done * (long) Float.BYTES;
                SCALAR.multiply(
                        r,
                        end,
                        starts,
                        indices,
                        values,
                        lowest,
                        highest,
                        columns - done,
                        source,
                        sourceAt + o,
                        sourceStride,
                        target,
                        to + o,
                        targetStride,
                        accumulate);
            }
        }
    }

    /** Eight vectors of columns, whose chains stay in registers. They begin by a mask: vectors of a condition would be boxed. */
    private static void multiplyEight(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment into,
            long targetAt,
            long targetStride,
            boolean accumulate) {
        MemorySegment target = PlainMemory.of(into);
        VectorMask<Float> fresh = FLOATS.maskAll(!accumulate);
        for (int r = fromRow; r < toRow; r++) {
            int e = first(starts[r], starts[r + 1], indices, lowest);
            int end = starts[r + 1];
            if (accumulate && (e == end || indices[e] >= highest)) {
                continue;
            }
            long at = targetAt + (r - fromRow) * targetStride;
            FloatVector c0 =
                    FloatVector.fromMemorySegment(FLOATS, target, at, ORDER).blend(0, fresh);
            FloatVector c1 = FloatVector.fromMemorySegment(FLOATS, target, at + VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            FloatVector c2 = FloatVector.fromMemorySegment(FLOATS, target, at + 2 * VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            FloatVector c3 = FloatVector.fromMemorySegment(FLOATS, target, at + 3 * VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            FloatVector c4 = FloatVector.fromMemorySegment(FLOATS, target, at + 4 * VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            FloatVector c5 = FloatVector.fromMemorySegment(FLOATS, target, at + 5 * VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            FloatVector c6 = FloatVector.fromMemorySegment(FLOATS, target, at + 6 * VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            FloatVector c7 = FloatVector.fromMemorySegment(FLOATS, target, at + 7 * VECTOR_BYTES, ORDER)
                    .blend(0, fresh);
            for (; e < end && indices[e] < highest; e++) {
                FloatVector value = FloatVector.broadcast(FLOATS, values[e]);
                long o = sourceAt + indices[e] * sourceStride;
                c0 = FloatVector.fromMemorySegment(FLOATS, source, o, ORDER).fma(value, c0);
                c1 = FloatVector.fromMemorySegment(FLOATS, source, o + VECTOR_BYTES, ORDER)
                        .fma(value, c1);
                c2 = FloatVector.fromMemorySegment(FLOATS, source, o + 2 * VECTOR_BYTES, ORDER)
                        .fma(value, c2);
                c3 = FloatVector.fromMemorySegment(FLOATS, source, o + 3 * VECTOR_BYTES, ORDER)
                        .fma(value, c3);
                c4 = FloatVector.fromMemorySegment(FLOATS, source, o + 4 * VECTOR_BYTES, ORDER)
                        .fma(value, c4);
                c5 = FloatVector.fromMemorySegment(FLOATS, source, o + 5 * VECTOR_BYTES, ORDER)
                        .fma(value, c5);
                c6 = FloatVector.fromMemorySegment(FLOATS, source, o + 6 * VECTOR_BYTES, ORDER)
                        .fma(value, c6);
                c7 = FloatVector.fromMemorySegment(FLOATS, source, o + 7 * VECTOR_BYTES, ORDER)
                        .fma(value, c7);
            }
            c0.intoMemorySegment(target, at, ORDER);
            c1.intoMemorySegment(target, at + VECTOR_BYTES, ORDER);
            c2.intoMemorySegment(target, at + 2 * VECTOR_BYTES, ORDER);
            c3.intoMemorySegment(target, at + 3 * VECTOR_BYTES, ORDER);
            c4.intoMemorySegment(target, at + 4 * VECTOR_BYTES, ORDER);
            c5.intoMemorySegment(target, at + 5 * VECTOR_BYTES, ORDER);
            c6.intoMemorySegment(target, at + 6 * VECTOR_BYTES, ORDER);
            c7.intoMemorySegment(target, at + 7 * VECTOR_BYTES, ORDER);
        }
    }

    /** The first of a row's entries whose index is not below one. */
    private static int first(int start, int end, int[] indices, int lowest) {
        int e = start;
        while (e < end && indices[e] < lowest) {
            e++;
        }
        return e;
    }

    /** One vector of columns. */
    private static void multiplyOne(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment into,
            long targetAt,
            long targetStride,
            boolean accumulate) {
        MemorySegment target = PlainMemory.of(into);
        VectorMask<Float> fresh = FLOATS.maskAll(!accumulate);
        for (int r = fromRow; r < toRow; r++) {
            long at = targetAt + (r - fromRow) * targetStride;
            FloatVector sum =
                    FloatVector.fromMemorySegment(FLOATS, target, at, ORDER).blend(0, fresh);
            int end = starts[r + 1];
            for (int e = first(starts[r], end, indices, lowest); e < end && indices[e] < highest; e++) {
                sum = FloatVector.fromMemorySegment(FLOATS, source, sourceAt + indices[e] * sourceStride, ORDER)
                        .fma(FloatVector.broadcast(FLOATS, values[e]), sum);
            }
            sum.intoMemorySegment(target, at, ORDER);
        }
    }

    @Override
    public void multiplyTransposed(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            int columns,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment target,
            long targetAt,
            long targetStride) {
        int whole = PlainMemory.is(target) ? columns : 0; // else all is scalars'
        int done = 0;
        for (; done <= whole - 8 * LANES; done += 8 * LANES) {
            long o = done * (long) Float.BYTES;
            transposedEight(
                    fromRow,
                    toRow,
                    starts,
                    indices,
                    values,
                    lowest,
                    highest,
                    source,
                    sourceAt + o,
                    sourceStride,
                    target,
                    targetAt + o,
                    targetStride);
        }
        for (; done <= whole - LANES; done += LANES) {
            long o = done * (long) Float.BYTES;
            transposedOne(
                    fromRow,
                    toRow,
                    starts,
                    indices,
                    values,
                    lowest,
                    highest,
                    source,
                    sourceAt + o,
                    sourceStride,
                    target,
                    targetAt + o,
                    targetStride);
        }
        if (done < columns) {
            long o = done * (long) Float.BYTES;
            SCALAR.multiplyTransposed(
                    fromRow,
                    toRow,
                    starts,
                    indices,
                    values,
                    lowest,
                    highest,
                    columns - done,
                    source,
                    sourceAt + o,
                    sourceStride,
                    target,
                    targetAt + o,
                    targetStride);
        }
    }

    /** Eight vectors of columns: the source's stay in registers for all entries of a row. */
    private static void transposedEight(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment into,
            long targetAt,
            long targetStride) {
        MemorySegment target = PlainMemory.of(into);
        for (int r = fromRow; r < toRow; r++) {
            int end = starts[r + 1];
            int e = first(starts[r], end, indices, lowest);
            if (e == end || indices[e] >= highest) {
                continue;
            }
            long at = sourceAt + (r - fromRow) * sourceStride;
            FloatVector x0 = FloatVector.fromMemorySegment(FLOATS, source, at, ORDER);
            FloatVector x1 = FloatVector.fromMemorySegment(FLOATS, source, at + VECTOR_BYTES, ORDER);
            FloatVector x2 = FloatVector.fromMemorySegment(FLOATS, source, at + 2 * VECTOR_BYTES, ORDER);
            FloatVector x3 = FloatVector.fromMemorySegment(FLOATS, source, at + 3 * VECTOR_BYTES, ORDER);
            FloatVector x4 = FloatVector.fromMemorySegment(FLOATS, source, at + 4 * VECTOR_BYTES, ORDER);
            FloatVector x5 = FloatVector.fromMemorySegment(FLOATS, source, at + 5 * VECTOR_BYTES, ORDER);
            FloatVector x6 = FloatVector.fromMemorySegment(FLOATS, source, at + 6 * VECTOR_BYTES, ORDER);
            FloatVector x7 = FloatVector.fromMemorySegment(FLOATS, source, at + 7 * VECTOR_BYTES, ORDER);
            for (; e < end && indices[e] < highest; e++) {
                FloatVector value = FloatVector.broadcast(FLOATS, values[e]);
                long o = targetAt + indices[e] * targetStride;
                x0.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o, ORDER))
                        .intoMemorySegment(target, o, ORDER);
                x1.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + VECTOR_BYTES, ORDER);
                x2.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + 2 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + 2 * VECTOR_BYTES, ORDER);
                x3.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + 3 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + 3 * VECTOR_BYTES, ORDER);
                x4.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + 4 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + 4 * VECTOR_BYTES, ORDER);
                x5.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + 5 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + 5 * VECTOR_BYTES, ORDER);
                x6.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + 6 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + 6 * VECTOR_BYTES, ORDER);
                x7.fma(value, FloatVector.fromMemorySegment(FLOATS, target, o + 7 * VECTOR_BYTES, ORDER))
                        .intoMemorySegment(target, o + 7 * VECTOR_BYTES, ORDER);
            }
        }
    }

    /** One vector of columns. */
    private static void transposedOne(
            int fromRow,
            int toRow,
            int[] starts,
            int[] indices,
            float[] values,
            int lowest,
            int highest,
            MemorySegment source,
            long sourceAt,
            long sourceStride,
            MemorySegment into,
            long targetAt,
            long targetStride) {
        MemorySegment target = PlainMemory.of(into);
        for (int r = fromRow; r < toRow; r++) {
            FloatVector x =
                    FloatVector.fromMemorySegment(FLOATS, source, sourceAt + (r - fromRow) * sourceStride, ORDER);
            int end = starts[r + 1];
            for (int e = first(starts[r], end, indices, lowest); e < end && indices[e] < highest; e++) {
                long o = targetAt + indices[e] * targetStride;
                x.fma(FloatVector.broadcast(FLOATS, values[e]), FloatVector.fromMemorySegment(FLOATS, target, o, ORDER))
                        .intoMemorySegment(target, o, ORDER);
            }
        }
    }
}
