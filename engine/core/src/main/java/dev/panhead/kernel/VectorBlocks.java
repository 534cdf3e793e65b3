package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOAT;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Blocks of 8 x 8 floats, transposed on their way to memory or to a multiply-add.
 *
 * <p>The transpose is made in registers by Eklundh's exchanges: at distance 1, 2 and 4, each pair of rows swaps the lanes that
 * stand in the wrong half, one rotation and one blend a row.
 */
final class VectorBlocks {

    private static final VectorSpecies<Float> S = FloatVector.SPECIES_256;

    private static final VectorShuffle<Float> LEFT_1 = VectorShuffle.iota(S, 1, 1, true);
    private static final VectorShuffle<Float> LEFT_2 = VectorShuffle.iota(S, 2, 1, true);
    private static final VectorShuffle<Float> TURN_4 = VectorShuffle.iota(S, 4, 1, true);
    private static final VectorShuffle<Float> RIGHT_2 = VectorShuffle.iota(S, 6, 1, true);
    private static final VectorShuffle<Float> RIGHT_1 = VectorShuffle.iota(S, 7, 1, true);

    /** The lanes whose index has the bit set. */
    private static final VectorMask<Float> BIT_1 = VectorMask.fromLong(S, 0b10101010);

    private static final VectorMask<Float> BIT_2 = VectorMask.fromLong(S, 0b11001100);
    private static final VectorMask<Float> BIT_4 = VectorMask.fromLong(S, 0b11110000);

    private VectorBlocks() {}

    /** target(j, i) = scale * source(i, j) for 8 columns j and {@code rows} <= 8 rows i; the last one stands for the rest. */
    static void transpose(
            int rows,
            float scale,
            MemorySegment source,
            long from,
            long stride,
            MemorySegment target,
            long to,
            long pitch) {
        // Clamped addresses instead of conditional vectors, which C2 would keep on the heap.
        long last = rows - 1;
        FloatVector r0 = FloatVector.fromMemorySegment(S, source, from, ORDER).mul(scale);
        FloatVector r1 = FloatVector.fromMemorySegment(S, source, from + Math.min(1, last) * stride, ORDER)
                .mul(scale);
        FloatVector r2 = FloatVector.fromMemorySegment(S, source, from + Math.min(2, last) * stride, ORDER)
                .mul(scale);
        FloatVector r3 = FloatVector.fromMemorySegment(S, source, from + Math.min(3, last) * stride, ORDER)
                .mul(scale);
        FloatVector r4 = FloatVector.fromMemorySegment(S, source, from + Math.min(4, last) * stride, ORDER)
                .mul(scale);
        FloatVector r5 = FloatVector.fromMemorySegment(S, source, from + Math.min(5, last) * stride, ORDER)
                .mul(scale);
        FloatVector r6 = FloatVector.fromMemorySegment(S, source, from + Math.min(6, last) * stride, ORDER)
                .mul(scale);
        FloatVector r7 = FloatVector.fromMemorySegment(S, source, from + Math.min(7, last) * stride, ORDER)
                .mul(scale);

        FloatVector s0 = r0.blend(r1.rearrange(RIGHT_1), BIT_1);
        FloatVector s1 = r0.rearrange(LEFT_1).blend(r1, BIT_1);
        FloatVector s2 = r2.blend(r3.rearrange(RIGHT_1), BIT_1);
        FloatVector s3 = r2.rearrange(LEFT_1).blend(r3, BIT_1);
        FloatVector s4 = r4.blend(r5.rearrange(RIGHT_1), BIT_1);
        FloatVector s5 = r4.rearrange(LEFT_1).blend(r5, BIT_1);
        FloatVector s6 = r6.blend(r7.rearrange(RIGHT_1), BIT_1);
        FloatVector s7 = r6.rearrange(LEFT_1).blend(r7, BIT_1);

        r0 = s0.blend(s2.rearrange(RIGHT_2), BIT_2);
        r2 = s0.rearrange(LEFT_2).blend(s2, BIT_2);
        r1 = s1.blend(s3.rearrange(RIGHT_2), BIT_2);
        r3 = s1.rearrange(LEFT_2).blend(s3, BIT_2);
        r4 = s4.blend(s6.rearrange(RIGHT_2), BIT_2);
        r6 = s4.rearrange(LEFT_2).blend(s6, BIT_2);
        r5 = s5.blend(s7.rearrange(RIGHT_2), BIT_2);
        r7 = s5.rearrange(LEFT_2).blend(s7, BIT_2);

        r0.blend(r4.rearrange(TURN_4), BIT_4).intoMemorySegment(target, to, ORDER);
        r1.blend(r5.rearrange(TURN_4), BIT_4).intoMemorySegment(target, to + pitch, ORDER);
        r2.blend(r6.rearrange(TURN_4), BIT_4).intoMemorySegment(target, to + 2 * pitch, ORDER);
        r3.blend(r7.rearrange(TURN_4), BIT_4).intoMemorySegment(target, to + 3 * pitch, ORDER);
        r0.rearrange(TURN_4).blend(r4, BIT_4).intoMemorySegment(target, to + 4 * pitch, ORDER);
        r1.rearrange(TURN_4).blend(r5, BIT_4).intoMemorySegment(target, to + 5 * pitch, ORDER);
        r2.rearrange(TURN_4).blend(r6, BIT_4).intoMemorySegment(target, to + 6 * pitch, ORDER);
        r3.rearrange(TURN_4).blend(r7, BIT_4).intoMemorySegment(target, to + 7 * pitch, ORDER);
    }

    /**
     * c(i) = sum over k of a(i, k) * x(k), one chain a row in ascending k, for 8 rows of A in the lanes of one vector.
     *
     * @param rows how many are there; the last one stands for the rest
     * @param end bytes of a row, whole blocks
     * @param x the first column of a thin panel
     */
    static void multiply(int rows, int end, MemorySegment a, long a0, long stride, MemorySegment x, MemorySegment c) {
        long last = rows - 1;
        long a1 = a0 + Math.min(1, last) * stride;
        long a2 = a0 + Math.min(2, last) * stride;
        long a3 = a0 + Math.min(3, last) * stride;
        long a4 = a0 + Math.min(4, last) * stride;
        long a5 = a0 + Math.min(5, last) * stride;
        long a6 = a0 + Math.min(6, last) * stride;
        long a7 = a0 + Math.min(7, last) * stride;
        FloatVector sum = FloatVector.zero(S);
        for (int o = 0; o < end; o += 8 * Float.BYTES) {
            FloatVector r0 = FloatVector.fromMemorySegment(S, a, a0 + o, ORDER);
            FloatVector r1 = FloatVector.fromMemorySegment(S, a, a1 + o, ORDER);
            FloatVector r2 = FloatVector.fromMemorySegment(S, a, a2 + o, ORDER);
            FloatVector r3 = FloatVector.fromMemorySegment(S, a, a3 + o, ORDER);
            FloatVector r4 = FloatVector.fromMemorySegment(S, a, a4 + o, ORDER);
            FloatVector r5 = FloatVector.fromMemorySegment(S, a, a5 + o, ORDER);
            FloatVector r6 = FloatVector.fromMemorySegment(S, a, a6 + o, ORDER);
            FloatVector r7 = FloatVector.fromMemorySegment(S, a, a7 + o, ORDER);

            FloatVector s0 = r0.blend(r1.rearrange(RIGHT_1), BIT_1);
            FloatVector s1 = r0.rearrange(LEFT_1).blend(r1, BIT_1);
            FloatVector s2 = r2.blend(r3.rearrange(RIGHT_1), BIT_1);
            FloatVector s3 = r2.rearrange(LEFT_1).blend(r3, BIT_1);
            FloatVector s4 = r4.blend(r5.rearrange(RIGHT_1), BIT_1);
            FloatVector s5 = r4.rearrange(LEFT_1).blend(r5, BIT_1);
            FloatVector s6 = r6.blend(r7.rearrange(RIGHT_1), BIT_1);
            FloatVector s7 = r6.rearrange(LEFT_1).blend(r7, BIT_1);

            r0 = s0.blend(s2.rearrange(RIGHT_2), BIT_2);
            r2 = s0.rearrange(LEFT_2).blend(s2, BIT_2);
            r1 = s1.blend(s3.rearrange(RIGHT_2), BIT_2);
            r3 = s1.rearrange(LEFT_2).blend(s3, BIT_2);
            r4 = s4.blend(s6.rearrange(RIGHT_2), BIT_2);
            r6 = s4.rearrange(LEFT_2).blend(s6, BIT_2);
            r5 = s5.blend(s7.rearrange(RIGHT_2), BIT_2);
            r7 = s5.rearrange(LEFT_2).blend(s7, BIT_2);

            sum = r0.blend(r4.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o)), sum);
            sum = r1.blend(r5.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 32L)), sum);
            sum = r2.blend(r6.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 64L)), sum);
            sum = r3.blend(r7.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 96L)), sum);
            sum = r0.rearrange(TURN_4).blend(r4, BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 128L)), sum);
            sum = r1.rearrange(TURN_4).blend(r5, BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 160L)), sum);
            sum = r2.rearrange(TURN_4).blend(r6, BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 192L)), sum);
            sum = r3.rearrange(TURN_4).blend(r7, BIT_4).fma(FloatVector.broadcast(S, x.get(FLOAT, 8L * o + 224L)), sum);
        }
        sum.intoMemorySegment(c, 0, ORDER);
    }
}
