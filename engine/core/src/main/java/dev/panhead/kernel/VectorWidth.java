package dev.panhead.kernel;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The width of the vectors, fixed for the process so that the compiler sees constants.
 *
 * <p>The kernels load and broadcast by the API's own methods, which are always inlined. A method of ours around them is not, once
 * it has been compiled by itself into more than the compiler's limit, which depends on what ran first; vectors would then pass
 * through the heap.
 */
final class VectorWidth {

    static final VectorSpecies<Float> FLOATS = species();
    static final VectorSpecies<Integer> INTS = IntVector.SPECIES_MAX.withShape(FLOATS.vectorShape());
    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private VectorWidth() {}

    private static VectorSpecies<Float> species() {
        String forced = System.getProperty(KernelProvider.BITS_PROPERTY, "");
        VectorSpecies<Float> preferred = FloatVector.SPECIES_PREFERRED;
        if (forced.isEmpty()) {
            return preferred.vectorBitSize() < 128 || preferred.vectorBitSize() > 512
                    ? FloatVector.SPECIES_128
                    : preferred;
        }
        VectorShape shape =
                switch (forced) {
                    case "128" -> VectorShape.S_128_BIT;
                    case "256" -> VectorShape.S_256_BIT;
                    case "512" -> VectorShape.S_512_BIT;
                    default ->
                        throw new IllegalArgumentException(
                                KernelProvider.BITS_PROPERTY + " must be 128, 256 or 512, but is " + forced);
                };
        return preferred.withShape(shape);
    }
}
