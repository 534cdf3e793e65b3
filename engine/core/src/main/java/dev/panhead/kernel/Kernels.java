package dev.panhead.kernel;

/**
 * One implementation of the arithmetic, by subject.
 *
 * @param name "vector" or "scalar"
 * @param vectorBits width of the vectors, 32 for scalars
 * @param matrix packing and the micro-kernel of the matrix products
 * @param softmax softmax statistics of tiles of logits, tokens in lanes
 * @param sparse what a gradient of few entries takes
 * @param elements element-wise functions and optimizer updates
 * @param rows log-softmax of rows
 * @param probe loops that measure the machine
 */
public record Kernels(
        String name,
        int vectorBits,
        MatrixKernels matrix,
        SoftmaxKernels softmax,
        SparseKernels sparse,
        ElementKernels elements,
        RowKernels rows,
        ProbeKernels probe) {

    /** The implementation this process uses, picked once. */
    public static Kernels current() {
        return KernelProvider.SELECTED;
    }
}
