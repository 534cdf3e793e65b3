package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
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

    private static final VectorSpecies<Integer> WORDS = IntVector.SPECIES_256;
    private static final IntVector UPPER = IntVector.broadcast(WORDS, 0xffff0000);
    private static final VectorShuffle<Integer> WORD_LEFT_1 = LEFT_1.cast(WORDS);
    private static final VectorShuffle<Integer> WORD_LEFT_2 = LEFT_2.cast(WORDS);
    private static final VectorShuffle<Integer> WORD_TURN_4 = TURN_4.cast(WORDS);
    private static final VectorShuffle<Integer> WORD_RIGHT_2 = RIGHT_2.cast(WORDS);
    private static final VectorShuffle<Integer> WORD_RIGHT_1 = RIGHT_1.cast(WORDS);
    private static final VectorMask<Integer> WORD_BIT_1 = BIT_1.cast(WORDS);
    private static final VectorMask<Integer> WORD_BIT_2 = BIT_2.cast(WORDS);
    private static final VectorMask<Integer> WORD_BIT_4 = BIT_4.cast(WORDS);

    private VectorBlocks() {}

    /**
     * target(j, i) = source(i, j) for 8 columns j and {@code rows} <= 8 rows i; the last one stands for the rest.
     *
     * @param memory the target, of {@link PlainMemory}
     */
    static void transpose(
            int rows, MemorySegment source, long from, long stride, MemorySegment memory, long to, long pitch) {
        MemorySegment target = PlainMemory.of(memory);
        // Clamped addresses instead of conditional vectors, which C2 would keep on the heap.
        long last = rows - 1;
        FloatVector r0 = FloatVector.fromMemorySegment(S, source, from, ORDER);
        FloatVector r1 = FloatVector.fromMemorySegment(S, source, from + Math.min(1, last) * stride, ORDER);
        FloatVector r2 = FloatVector.fromMemorySegment(S, source, from + Math.min(2, last) * stride, ORDER);
        FloatVector r3 = FloatVector.fromMemorySegment(S, source, from + Math.min(3, last) * stride, ORDER);
        FloatVector r4 = FloatVector.fromMemorySegment(S, source, from + Math.min(4, last) * stride, ORDER);
        FloatVector r5 = FloatVector.fromMemorySegment(S, source, from + Math.min(5, last) * stride, ORDER);
        FloatVector r6 = FloatVector.fromMemorySegment(S, source, from + Math.min(6, last) * stride, ORDER);
        FloatVector r7 = FloatVector.fromMemorySegment(S, source, from + Math.min(7, last) * stride, ORDER);

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
     * Chains of a(i, k) * x(k) in ascending k, one for each block of k, for 8 rows i of A in the lanes of one vector: at {@code c} the sums
     * of all chains but the last one, behind them the last one. Both go on from what is there, whose last chain is added first.
     *
     * <p>The rows are cut from A first: one check of an index does for all of them, and C2 takes it out of the loop.
     *
     * @param rows how many are there; the last one stands for the rest
     * @param n length of the rows, a multiple of 8
     * @param x from {@code first} on; on the heap, where C2 needs far less of its inlining budget for it
     * @param c 2 x 8 floats
     */
    static void multiply(
            int rows, int n, int block, MemorySegment a, long at, long stride, float[] x, int first, MemorySegment c) {
        long last = rows - 1;
        long bytes = n * (long) Float.BYTES;
        MemorySegment a0 = a.asSlice(at, bytes);
        MemorySegment a1 = a.asSlice(at + Math.min(1, last) * stride, bytes);
        MemorySegment a2 = a.asSlice(at + Math.min(2, last) * stride, bytes);
        MemorySegment a3 = a.asSlice(at + Math.min(3, last) * stride, bytes);
        MemorySegment a4 = a.asSlice(at + Math.min(4, last) * stride, bytes);
        MemorySegment a5 = a.asSlice(at + Math.min(5, last) * stride, bytes);
        MemorySegment a6 = a.asSlice(at + Math.min(6, last) * stride, bytes);
        MemorySegment a7 = a.asSlice(at + Math.min(7, last) * stride, bytes);
        FloatVector total = FloatVector.fromMemorySegment(S, c, 0, ORDER);
        FloatVector sum = FloatVector.fromMemorySegment(S, c, S.vectorByteSize(), ORDER);
        for (int from = 0; from < n; from += block) {
            int end = Math.min(from + block, n);
            total = total.add(sum);
            sum = FloatVector.zero(S);
            for (int k = from; k < end; k += 8) {
                FloatVector r0 = FloatVector.fromMemorySegment(S, a0, 4L * k, ORDER);
                FloatVector r1 = FloatVector.fromMemorySegment(S, a1, 4L * k, ORDER);
                FloatVector r2 = FloatVector.fromMemorySegment(S, a2, 4L * k, ORDER);
                FloatVector r3 = FloatVector.fromMemorySegment(S, a3, 4L * k, ORDER);
                FloatVector r4 = FloatVector.fromMemorySegment(S, a4, 4L * k, ORDER);
                FloatVector r5 = FloatVector.fromMemorySegment(S, a5, 4L * k, ORDER);
                FloatVector r6 = FloatVector.fromMemorySegment(S, a6, 4L * k, ORDER);
                FloatVector r7 = FloatVector.fromMemorySegment(S, a7, 4L * k, ORDER);

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

                sum = r0.blend(r4.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x[first + k]), sum);
                sum = r1.blend(r5.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x[first + k + 1]), sum);
                sum = r2.blend(r6.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x[first + k + 2]), sum);
                sum = r3.blend(r7.rearrange(TURN_4), BIT_4).fma(FloatVector.broadcast(S, x[first + k + 3]), sum);
                sum = r0.rearrange(TURN_4).blend(r4, BIT_4).fma(FloatVector.broadcast(S, x[first + k + 4]), sum);
                sum = r1.rearrange(TURN_4).blend(r5, BIT_4).fma(FloatVector.broadcast(S, x[first + k + 5]), sum);
                sum = r2.rearrange(TURN_4).blend(r6, BIT_4).fma(FloatVector.broadcast(S, x[first + k + 6]), sum);
                sum = r3.rearrange(TURN_4).blend(r7, BIT_4).fma(FloatVector.broadcast(S, x[first + k + 7]), sum);
            }
        }
        total.intoMemorySegment(c, 0, ORDER);
        sum.intoMemorySegment(c, S.vectorByteSize(), ORDER);
    }

    /** The same of rows of bfloat16, which are transposed in pairs: n is a multiple of 16. */
    static void multiplyBfloat16(
            int rows, int n, int block, MemorySegment a, long at, long stride, float[] x, int first, MemorySegment c) {
        long last = rows - 1;
        long bytes = n * (long) Short.BYTES;
        MemorySegment a0 = a.asSlice(at, bytes);
        MemorySegment a1 = a.asSlice(at + Math.min(1, last) * stride, bytes);
        MemorySegment a2 = a.asSlice(at + Math.min(2, last) * stride, bytes);
        MemorySegment a3 = a.asSlice(at + Math.min(3, last) * stride, bytes);
        MemorySegment a4 = a.asSlice(at + Math.min(4, last) * stride, bytes);
        MemorySegment a5 = a.asSlice(at + Math.min(5, last) * stride, bytes);
        MemorySegment a6 = a.asSlice(at + Math.min(6, last) * stride, bytes);
        MemorySegment a7 = a.asSlice(at + Math.min(7, last) * stride, bytes);
        FloatVector total = FloatVector.fromMemorySegment(S, c, 0, ORDER);
        FloatVector sum = FloatVector.fromMemorySegment(S, c, S.vectorByteSize(), ORDER);
        for (int from = 0; from < n; from += block) {
            int end = Math.min(from + block, n);
            total = total.add(sum);
            sum = FloatVector.zero(S);
            for (int k = from; k < end; k += 16) {
                IntVector r0 = IntVector.fromMemorySegment(WORDS, a0, 2L * k, ORDER);
                IntVector r1 = IntVector.fromMemorySegment(WORDS, a1, 2L * k, ORDER);
                IntVector r2 = IntVector.fromMemorySegment(WORDS, a2, 2L * k, ORDER);
                IntVector r3 = IntVector.fromMemorySegment(WORDS, a3, 2L * k, ORDER);
                IntVector r4 = IntVector.fromMemorySegment(WORDS, a4, 2L * k, ORDER);
                IntVector r5 = IntVector.fromMemorySegment(WORDS, a5, 2L * k, ORDER);
                IntVector r6 = IntVector.fromMemorySegment(WORDS, a6, 2L * k, ORDER);
                IntVector r7 = IntVector.fromMemorySegment(WORDS, a7, 2L * k, ORDER);

                IntVector s0 = r0.blend(r1.rearrange(WORD_RIGHT_1), WORD_BIT_1);
                IntVector s1 = r0.rearrange(WORD_LEFT_1).blend(r1, WORD_BIT_1);
                IntVector s2 = r2.blend(r3.rearrange(WORD_RIGHT_1), WORD_BIT_1);
                IntVector s3 = r2.rearrange(WORD_LEFT_1).blend(r3, WORD_BIT_1);
                IntVector s4 = r4.blend(r5.rearrange(WORD_RIGHT_1), WORD_BIT_1);
                IntVector s5 = r4.rearrange(WORD_LEFT_1).blend(r5, WORD_BIT_1);
                IntVector s6 = r6.blend(r7.rearrange(WORD_RIGHT_1), WORD_BIT_1);
                IntVector s7 = r6.rearrange(WORD_LEFT_1).blend(r7, WORD_BIT_1);

                r0 = s0.blend(s2.rearrange(WORD_RIGHT_2), WORD_BIT_2);
                r2 = s0.rearrange(WORD_LEFT_2).blend(s2, WORD_BIT_2);
                r1 = s1.blend(s3.rearrange(WORD_RIGHT_2), WORD_BIT_2);
                r3 = s1.rearrange(WORD_LEFT_2).blend(s3, WORD_BIT_2);
                r4 = s4.blend(s6.rearrange(WORD_RIGHT_2), WORD_BIT_2);
                r6 = s4.rearrange(WORD_LEFT_2).blend(s6, WORD_BIT_2);
                r5 = s5.blend(s7.rearrange(WORD_RIGHT_2), WORD_BIT_2);
                r7 = s5.rearrange(WORD_LEFT_2).blend(s7, WORD_BIT_2);

                s0 = r0.blend(r4.rearrange(WORD_TURN_4), WORD_BIT_4);
                s1 = r1.blend(r5.rearrange(WORD_TURN_4), WORD_BIT_4);
                s2 = r2.blend(r6.rearrange(WORD_TURN_4), WORD_BIT_4);
                s3 = r3.blend(r7.rearrange(WORD_TURN_4), WORD_BIT_4);
                s4 = r0.rearrange(WORD_TURN_4).blend(r4, WORD_BIT_4);
                s5 = r1.rearrange(WORD_TURN_4).blend(r5, WORD_BIT_4);
                s6 = r2.rearrange(WORD_TURN_4).blend(r6, WORD_BIT_4);
                s7 = r3.rearrange(WORD_TURN_4).blend(r7, WORD_BIT_4);
                sum = s0.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k]), sum);
                sum = s0.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 1]), sum);
                sum = s1.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 2]), sum);
                sum = s1.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 3]), sum);
                sum = s2.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 4]), sum);
                sum = s2.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 5]), sum);
                sum = s3.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 6]), sum);
                sum = s3.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 7]), sum);
                sum = s4.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 8]), sum);
                sum = s4.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 9]), sum);
                sum = s5.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 10]), sum);
                sum = s5.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 11]), sum);
                sum = s6.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 12]), sum);
                sum = s6.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 13]), sum);
                sum = s7.lanewise(VectorOperators.LSHL, 16)
                        .reinterpretAsFloats()
                        .fma(FloatVector.broadcast(S, x[first + k + 14]), sum);
                sum = s7.and(UPPER).reinterpretAsFloats().fma(FloatVector.broadcast(S, x[first + k + 15]), sum);
            }
        }
        total.intoMemorySegment(c, 0, ORDER);
        sum.intoMemorySegment(c, S.vectorByteSize(), ORDER);
    }
}
