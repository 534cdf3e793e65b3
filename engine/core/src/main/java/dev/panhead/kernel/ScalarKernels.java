package dev.panhead.kernel;

/** The arithmetic in scalars: the same operations as {@link VectorKernels}, for machines without the Vector API and for tests. */
final class ScalarKernels {

    private ScalarKernels() {}

    static Kernels create() {
        MatrixKernels matrix = new ScalarMatrixKernels();
        return new Kernels(
                "scalar",
                Float.SIZE,
                matrix,
                new ScalarSoftmaxKernels(matrix.tile()),
                new ScalarSparseKernels(matrix.tile()),
                new ScalarElementKernels(),
                new ScalarRowKernels(),
                new ScalarProbeKernels());
    }
}
