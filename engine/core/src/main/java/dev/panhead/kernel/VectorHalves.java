package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.INTS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Floats of 16 bits made float32, by whole vectors, with operations on integers: the conversions of the processor are not to be had. */
final class VectorHalves {

    /**
     * No wider than 256 bits, as the vectors that meet the widened rows of a thin product: where two widths met, C2 was seen to box vectors
     * in the product for good.
     */
    private static final VectorSpecies<Integer> BITS = FLOATS.length() < 8 ? INTS : IntVector.SPECIES_256;

    private static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(BITS.vectorBitSize() / 2));

    static final int LANES = BITS.length();

    /** Bits of infinity: of a half precision, where a float32 has them, and of a float32. */
    private static final int HALF_INFINITY = 0x7c00 << 13;

    private static final int INFINITY = 0x7f800000;

    /** Makes the exponent's bias of 15 one of 127, exactly, whether the number is normal or not. */
    private static final float REBIAS = 0x1p112f;

    private VectorHalves() {}

    static void widenBfloat16(int n, MemorySegment source, long from, MemorySegment into, long to) {
        MemorySegment target = PlainMemory.of(into);
        for (int i = 0; i < n; i += LANES) {
            ShortVector bits = ShortVector.fromMemorySegment(SHORTS, source, from + 2L * i, ORDER);
            IntVector wide = (IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, BITS, 0);
            wide.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoMemorySegment(target, to + 4L * i, ORDER);
        }
    }

    /**
     * Exponent and mantissa are moved to their place, and the bias is changed by a multiplication; where the exponent was all ones
     * (infinity, NaN), it becomes that again.
     */
    static void widenFloat16(int n, MemorySegment source, long from, MemorySegment into, long to) {
        MemorySegment target = PlainMemory.of(into);
        for (int i = 0; i < n; i += LANES) {
            ShortVector bits = ShortVector.fromMemorySegment(SHORTS, source, from + 2L * i, ORDER);
            IntVector wide = (IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, BITS, 0);
            IntVector moved = wide.and(0x7fff).lanewise(VectorOperators.LSHL, 13);
            IntVector sign = wide.and(0x8000).lanewise(VectorOperators.LSHL, 16);
            moved.reinterpretAsFloats()
                    .mul(REBIAS)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.OR, INFINITY, moved.compare(VectorOperators.GE, HALF_INFINITY))
                    .or(sign)
                    .reinterpretAsFloats()
                    .intoMemorySegment(target, to + 4L * i, ORDER);
        }
    }
}
