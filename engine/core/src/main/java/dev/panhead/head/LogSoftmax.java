package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.RowKernels;
import dev.panhead.tensor.Matrix;

/**
 * The logarithm of the softmax of each row, and its gradient:
 *
 * <pre>
 *   y = x - log(sum of e^x)                      = (x - m) - log1p(sum of the others' e^(x - m)),  m the row's maximum
 *   dL/dx = dL/dy - softmax(x) sum of dL/dy      = g - e^y (sum of g)
 * </pre>
 *
 * <p>Rows are independent; the same bits for any number of workers and any vector width. Entries of -infinity have probability 0; a
 * row with a NaN or +infinity, or with nothing but -infinity, becomes NaN. One call at a time; a call allocates nothing on the
 * heap. Every method throws {@link IllegalArgumentException} if shapes differ or a matrix belongs to a confined arena and there
 * are more workers than one.
 */
public final class LogSoftmax {

    private final Workers workers;
    private final RowKernels kernels = Kernels.current().rows();
    private final Workers.Task values = this::valuesOfRow;
    private final Workers.Task gradient = this::gradientOfRow;
    private Matrix x;
    private Matrix upstream;
    private Matrix result;

    /** Log-softmax computed by these workers. */
    public LogSoftmax(Workers workers) {
        this.workers = workers;
    }

    /**
     * Computes y.
     *
     * @param logits x, T x V
     * @param logProbabilities y, T x V; may be {@code logits} itself
     */
    public void values(Matrix logits, Matrix logProbabilities) {
        begin(logits, logits, logProbabilities);
        workers.run(logits.columns() == 0 ? 0 : logits.rows(), values);
    }

    /**
     * Computes dL/dx.
     *
     * @param logProbabilities y, T x V, as {@link #values} gave it
     * @param upstream g = dL/dy, T x V
     * @param gradient dL/dx, T x V; may be {@code logProbabilities} or {@code upstream} itself
     */
    public void gradient(Matrix logProbabilities, Matrix upstream, Matrix gradient) {
        begin(logProbabilities, upstream, gradient);
        workers.run(logProbabilities.columns() == 0 ? 0 : logProbabilities.rows(), this.gradient);
    }

    private void begin(Matrix x, Matrix upstream, Matrix result) {
        upstream.requireShape("upstream", x.rows(), x.columns());
        result.requireShape("the result", x.rows(), x.columns());
        workers.requireAccessible("the operand", x.segment());
        workers.requireAccessible("upstream", upstream.segment());
        workers.requireAccessible("the result", result.segment());
        this.x = x;
        this.upstream = upstream;
        this.result = result;
    }

    private void valuesOfRow(int row, int worker) {
        int n = x.columns();
        long at = x.offset(row, 0);
        float max = kernels.max(n, x.segment(), at);
        double logSum = StrictMath.log1p(kernels.sumOfOthers(n, max, x.segment(), at));
        float total = max < Float.POSITIVE_INFINITY ? (float) logSum : Float.NaN;
        kernels.shift(n, max, total, x.segment(), at, result.segment(), result.offset(row, 0));
    }

    private void gradientOfRow(int row, int worker) {
        int n = x.columns();
        long at = upstream.offset(row, 0);
        float total = (float) kernels.sum(n, upstream.segment(), at);
        kernels.gradient(
                n,
                total,
                x.segment(),
                x.offset(row, 0),
                upstream.segment(),
                at,
                result.segment(),
                result.offset(row, 0));
    }
}
