package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.INTS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Six rows on their way into a broadcast panel, which holds six floats for each k and room for two more: pairs of rows are
 * interleaved, pairs of pairs, and the last pair is put behind each four. For vectors of 8 lanes and more.
 *
 * <p>A selection from two vectors is one instruction on AVX-512 and three on AVX2. The indices are named constants, and the loop is
 * in the method, so that they are loaded once a panel.
 */
final class VectorInterleave {

    private static final int LANES = FLOATS.length();
    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();

    /** The lower, the upper halves of two vectors, lane by lane; and by two lanes. */
    private static final IntVector LOWER = indices(i -> i / 2 + i % 2 * LANES);

    private static final IntVector UPPER = indices(i -> LANES / 2 + i / 2 + i % 2 * LANES);
    private static final IntVector LOWER_PAIRS = indices(i -> i / 4 * 2 + i % 2 + i / 2 % 2 * LANES);
    private static final IntVector UPPER_PAIRS = indices(i -> LANES / 2 + i / 4 * 2 + i % 2 + i / 2 % 2 * LANES);

    /** Four floats of a k from the one vector, two of the same from the other: one of the four vectors that the latter serves. */
    private static final IntVector FIRST = sixes(0);

    private static final IntVector SECOND = sixes(1);
    private static final IntVector THIRD = sixes(2);
    private static final IntVector FOURTH = sixes(3);

    private VectorInterleave() {}

    private static IntVector indices(IntUnaryOperator index) {
        int[] values = new int[LANES];
        java.util.Arrays.setAll(values, index);
        return IntVector.fromArray(INTS, values, 0);
    }

    private static IntVector sixes(int part) {
        return indices(i -> {
            int k = part * LANES / 8 + i / 8;
            return i % 8 < 4 ? k * 4 % LANES + i % 8 : LANES + k * 2 + i % 2;
        });
    }

    /** {@link MatrixKernels#interleave} of one panel, for a multiple of the vectors' length of columns, into plain memory. */
    static void panel(
            int rows,
            int columns,
            MemorySegment source,
            long from,
            long stride,
            MemorySegment factors,
            long factorsAt,
            MemorySegment target,
            long to) {
        MemorySegment panel = PlainMemory.of(target);
        long last = rows - 1;
        long at1 = from + Math.min(1, last) * stride;
        long at2 = from + Math.min(2, last) * stride;
        long at3 = from + Math.min(3, last) * stride;
        long at4 = from + Math.min(4, last) * stride;
        long at5 = from + Math.min(5, last) * stride;
        int end = columns * Float.BYTES;
        // Not "less than": C2 would take 0.3 s to move fifteen checks of indices out of the loop, which is no faster.
        for (int o = 0; o != end; o += VECTOR_BYTES) {
            FloatVector f = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt + o, ORDER);
            IntVector r0 = FloatVector.fromMemorySegment(FLOATS, source, from + o, ORDER)
                    .mul(f)
                    .reinterpretAsInts();
            IntVector r1 = FloatVector.fromMemorySegment(FLOATS, source, at1 + o, ORDER)
                    .mul(f)
                    .reinterpretAsInts();
            IntVector r2 = FloatVector.fromMemorySegment(FLOATS, source, at2 + o, ORDER)
                    .mul(f)
                    .reinterpretAsInts();
            IntVector r3 = FloatVector.fromMemorySegment(FLOATS, source, at3 + o, ORDER)
                    .mul(f)
                    .reinterpretAsInts();
            IntVector r4 = FloatVector.fromMemorySegment(FLOATS, source, at4 + o, ORDER)
                    .mul(f)
                    .reinterpretAsInts();
            IntVector r5 = FloatVector.fromMemorySegment(FLOATS, source, at5 + o, ORDER)
                    .mul(f)
                    .reinterpretAsInts();
            IntVector s0 = LOWER.selectFrom(r0, r1);
            IntVector s1 = LOWER.selectFrom(r2, r3);
            IntVector s2 = LOWER.selectFrom(r4, r5);
            IntVector t0 = UPPER.selectFrom(r0, r1);
            IntVector t1 = UPPER.selectFrom(r2, r3);
            IntVector t2 = UPPER.selectFrom(r4, r5);
            IntVector u0 = LOWER_PAIRS.selectFrom(s0, s1);
            IntVector u1 = UPPER_PAIRS.selectFrom(s0, s1);
            IntVector u2 = LOWER_PAIRS.selectFrom(t0, t1);
            IntVector u3 = UPPER_PAIRS.selectFrom(t0, t1);
            long line = to + 8L * o;
            FIRST.selectFrom(u0, s2).intoMemorySegment(panel, line, ORDER);
            SECOND.selectFrom(u0, s2).intoMemorySegment(panel, line + VECTOR_BYTES, ORDER);
            THIRD.selectFrom(u1, s2).intoMemorySegment(panel, line + 2 * VECTOR_BYTES, ORDER);
            FOURTH.selectFrom(u1, s2).intoMemorySegment(panel, line + 3 * VECTOR_BYTES, ORDER);
            FIRST.selectFrom(u2, t2).intoMemorySegment(panel, line + 4 * VECTOR_BYTES, ORDER);
            SECOND.selectFrom(u2, t2).intoMemorySegment(panel, line + 5 * VECTOR_BYTES, ORDER);
            THIRD.selectFrom(u3, t2).intoMemorySegment(panel, line + 6 * VECTOR_BYTES, ORDER);
            FOURTH.selectFrom(u3, t2).intoMemorySegment(panel, line + 7 * VECTOR_BYTES, ORDER);
        }
    }
}
