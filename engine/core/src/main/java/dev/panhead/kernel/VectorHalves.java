package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.INTS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Floats of 16 bits made float32, by whole vectors, with operations on integers: the conversions of the processor are not to be had. */
final class VectorHalves {

    private static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    /** Exponent and mantissa of a half precision where a float32 has them, all ones in the exponent, and what that lacks. */
    private static final int HALF_EXPONENT = 0x7c00 << 13;

    private static final int REBIAS = 127 - 15 << 23;

    /** 2^-14, the smallest normal half precision. */
    private static final float SMALLEST = 0x1p-14f;

    private VectorHalves() {}

    static void widenBfloat16(int n, MemorySegment source, long from, MemorySegment target, long to) {
        for (int i = 0; i < n; i += FLOATS.length()) {
            ShortVector bits = ShortVector.fromMemorySegment(SHORTS, source, from + 2L * i, ORDER);
            IntVector wide = (IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoMemorySegment(target, to + 4L * i, ORDER);
        }
    }

    /**
     * The exponent is moved to its place and its bias changed. Where it was all ones (infinity, NaN), it becomes that again; where it was 0
     * (numbers below 2^-14), it is set to that of 2^-14, which is then subtracted: that normalizes the mantissa exactly.
     */
    static void widenFloat16(int n, MemorySegment source, long from, MemorySegment target, long to) {
        for (int i = 0; i < n; i += FLOATS.length()) {
            ShortVector bits = ShortVector.fromMemorySegment(SHORTS, source, from + 2L * i, ORDER);
            IntVector wide = (IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            IntVector sign = wide.and(0x8000).lanewise(VectorOperators.LSHL, 16);
            IntVector moved = wide.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
            IntVector exponent = moved.and(HALF_EXPONENT);
            IntVector biased = moved.add(REBIAS);
            IntVector finite = biased.blend(biased.add(REBIAS), exponent.eq(HALF_EXPONENT));
            FloatVector small =
                    moved.add(REBIAS + (1 << 23)).reinterpretAsFloats().sub(SMALLEST);
            finite.blend(small.reinterpretAsInts(), exponent.eq(0))
                    .or(sign)
                    .reinterpretAsFloats()
                    .intoMemorySegment(target, to + 4L * i, ORDER);
        }
    }
}
