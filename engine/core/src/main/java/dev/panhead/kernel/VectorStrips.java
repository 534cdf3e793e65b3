package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A few rows at a time through many panels, so that the rows are read in long runs. A loop's step from panel to panel is a constant
 * on the source's side, for which C2 checks bounds once.
 */
final class VectorStrips {

    private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;
    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();

    /** Bytes of a k in a broadcast and in a vector panel, and of a panel's columns in the source. */
    private static final long A_STEP = (long) Tile.BROADCAST_PITCH * Float.BYTES;

    private static final long B_STEP = 2L * VECTOR_BYTES;
    private static final long A_COLUMNS = (long) VectorMatrixKernels.TILE.rows() * Float.BYTES;

    private VectorStrips() {}

    /** Eight rows through {@code count} broadcast panels; two columns of the next one go along. */
    static void broadcast(
            int count, float scale, MemorySegment source, long from, long stride, Panels panels, int first, long line) {
        long at1 = from + stride;
        long at2 = from + 2 * stride;
        long at3 = from + 3 * stride;
        long at4 = from + 4 * stride;
        long at5 = from + 5 * stride;
        long at6 = from + 6 * stride;
        long at7 = from + 7 * stride;
        for (int p = 0; p < count; p++) {
            MemorySegment panel = panels.get(first + p);
            long o = p * A_COLUMNS;
            FloatVector.fromMemorySegment(EIGHT, source, from + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at1 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + A_STEP, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at2 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + 2 * A_STEP, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at3 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + 3 * A_STEP, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at4 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + 4 * A_STEP, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at5 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + 5 * A_STEP, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at6 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + 6 * A_STEP, ORDER);
            FloatVector.fromMemorySegment(EIGHT, source, at7 + o, ORDER)
                    .mul(scale)
                    .intoMemorySegment(panel, line + 7 * A_STEP, ORDER);
        }
    }

    /** Four rows through {@code count} vector panels. */
    static void vector(int count, MemorySegment source, long from, long stride, Panels panels, int first, long line) {
        long at1 = from + stride;
        long at2 = from + 2 * stride;
        long at3 = from + 3 * stride;
        for (int p = 0; p < count; p++) {
            MemorySegment panel = panels.get(first + p);
            long o = p * B_STEP;
            FloatVector.fromMemorySegment(FLOATS, source, from + o, ORDER).intoMemorySegment(panel, line, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, from + o + VECTOR_BYTES, ORDER)
                    .intoMemorySegment(panel, line + VECTOR_BYTES, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, at1 + o, ORDER)
                    .intoMemorySegment(panel, line + B_STEP, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, at1 + o + VECTOR_BYTES, ORDER)
                    .intoMemorySegment(panel, line + B_STEP + VECTOR_BYTES, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, at2 + o, ORDER)
                    .intoMemorySegment(panel, line + 2 * B_STEP, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, at2 + o + VECTOR_BYTES, ORDER)
                    .intoMemorySegment(panel, line + 2 * B_STEP + VECTOR_BYTES, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, at3 + o, ORDER)
                    .intoMemorySegment(panel, line + 3 * B_STEP, ORDER);
            FloatVector.fromMemorySegment(FLOATS, source, at3 + o + VECTOR_BYTES, ORDER)
                    .intoMemorySegment(panel, line + 3 * B_STEP + VECTOR_BYTES, ORDER);
        }
    }
}
