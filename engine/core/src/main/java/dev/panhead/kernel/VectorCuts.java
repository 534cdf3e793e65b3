package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Some columns of successive rows on their way into one panel, which holds them for each row, close together. A panel is written from
 * its beginning to its end: what is stored to in short runs waits for each line to come from a farther cache. Panels are {@link PlainMemory}.
 */
final class VectorCuts {

    private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;
    private static final VectorSpecies<Integer> EIGHT_BITS = IntVector.SPECIES_256;
    private static final VectorSpecies<Short> EIGHT_HALVES = ShortVector.SPECIES_128;

    /** Bytes of a k in a broadcast and in a vector panel, and of a vector. */
    private static final int A_STEP = Tile.BROADCAST_PITCH * Float.BYTES;

    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();
    private static final int B_STEP = 2 * VECTOR_BYTES;

    private VectorCuts() {}

    /** Eight columns into a broadcast panel: two that it has no use for go along. */
    static void broadcast(int rows, float scale, MemorySegment source, long offset, long stride, MemorySegment target) {
        MemorySegment panel = PlainMemory.of(target);
        long at = offset;
        for (int o = 0; o < rows * A_STEP; o += A_STEP) {
            FloatVector.fromMemorySegment(EIGHT, source, at, ORDER).mul(scale).intoMemorySegment(panel, o, ORDER);
            at += stride;
        }
    }

    /** The same of bfloat16, each the upper half of a float. */
    static void broadcastBfloat16(
            int rows, float scale, MemorySegment source, long offset, long stride, MemorySegment target) {
        MemorySegment panel = PlainMemory.of(target);
        long at = offset;
        for (int o = 0; o < rows * A_STEP; o += A_STEP) {
            ShortVector halves = ShortVector.fromMemorySegment(EIGHT_HALVES, source, at, ORDER);
            IntVector bits = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, EIGHT_BITS, 0);
            bits.lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .mul(scale)
                    .intoMemorySegment(panel, o, ORDER);
            at += stride;
        }
    }

    /** All columns of a vector panel. */
    static void vector(int rows, MemorySegment source, long offset, long stride, MemorySegment target) {
        MemorySegment panel = PlainMemory.of(target);
        long at = offset;
        for (int o = 0; o < rows * B_STEP; o += B_STEP) {
            FloatVector first = FloatVector.fromMemorySegment(FLOATS, source, at, ORDER);
            FloatVector second = FloatVector.fromMemorySegment(FLOATS, source, at + VECTOR_BYTES, ORDER);
            first.intoMemorySegment(panel, o, ORDER);
            second.intoMemorySegment(panel, (long) o + VECTOR_BYTES, ORDER);
            at += stride;
        }
    }
}
