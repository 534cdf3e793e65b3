package dev.panhead.optim;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.ElementKernels;
import dev.panhead.kernel.Kernels;
import dev.panhead.tensor.Matrix;
import java.util.Objects;

/**
 * The Euclidean norm over all elements of some gradients, for clipping. Rows are summed in pieces of fixed length, the pieces
 * added in double in order: the same bits on every machine. One call at a time.
 */
public final class GradientNorm {

    private static final int PIECE = 4096;

    private final OneCall call = new OneCall("this norm");
    private final Workers workers;
    private final ElementKernels kernels = Kernels.current().elements();
    private final Workers.Task task = this::sumRow;
    private double[] rowSums = new double[0];
    private Matrix gradient;

    /** Norms computed by these workers. */
    public GradientNorm(Workers workers) {
        this.workers = Objects.requireNonNull(workers, "workers");
    }

    /**
     * The square root of the sum of all elements' squares, taken in float32: NaN or infinite if an element is, or the sum of a
     * piece overflows (elements from 1e18 on); elements below 1e-19 count for less than they are, or for nothing.
     *
     * @throws IllegalArgumentException if a matrix belongs to a confined arena and there are more workers than one
     */
    public double of(Matrix... gradients) {
        call.begin();
        try {
            double sum = 0;
            for (Matrix matrix : gradients) {
                workers.requireReadable("gradient", matrix.segment());
                if (rowSums.length < matrix.rows()) {
                    rowSums = new double[matrix.rows()];
                }
                gradient = matrix;
                workers.run(matrix.rows(), task);
                for (int row = 0; row < matrix.rows(); row++) {
                    sum += rowSums[row];
                }
            }
            return Math.sqrt(sum);
        } finally {
            gradient = null;
            call.end();
        }
    }

    private void sumRow(int row, int worker) {
        double sum = 0;
        for (int column = 0; column < gradient.columns(); column += PIECE) {
            int n = Math.min(PIECE, gradient.columns() - column);
            sum += kernels.sumOfSquares(n, gradient.segment(), gradient.offset(row, column));
        }
        rowSums[row] = sum;
    }

    /**
     * What to multiply gradients of this norm by, so that it is at most {@code maxNorm}; 1 if it already is.
     *
     * @throws IllegalArgumentException if the norm is not finite, or {@code maxNorm} not positive
     */
    public static double clipScale(double norm, double maxNorm) {
        Ranges.notNegative("the gradient's norm", norm);
        Ranges.positive("maxNorm", maxNorm);
        return norm <= maxNorm ? 1 : maxNorm / norm;
    }
}
