package dev.panhead.kernel;

/** The arithmetic in vectors of the width that {@link VectorWidth} picked. */
final class VectorKernels {

    private VectorKernels() {}

    static Kernels create() {
        return new Kernels(
                "vector",
                VectorWidth.FLOATS.vectorBitSize(),
                new VectorMatrixKernels(),
                new VectorSoftmaxKernels(),
                new VectorSparseKernels(),
                new VectorElementKernels(),
                new VectorRowKernels(),
                new VectorProbeKernels());
    }
}
