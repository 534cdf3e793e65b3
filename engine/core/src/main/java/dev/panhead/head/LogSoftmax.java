package dev.panhead.head;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.RowKernels;
import dev.panhead.tensor.Matrix;
import java.util.Objects;

/**
 * The logarithm of the softmax of each row, and its gradient:
 *
 * <pre>
 *   y = x - log(sum of e^x)                      = (x - m) - log1p(sum of e^(x - m), less one),  m the row's maximum
 *   dL/dx = dL/dy - softmax(x) sum of dL/dy      = g - e^y (sum of g)
 * </pre>
 *
 * <p>Rows are independent; the same bits for any number of workers and any vector width. Entries of -infinity have probability 0; a
 * row with a NaN or +infinity, or with nothing but -infinity, becomes NaN. What is more than 87 below the maximum adds nothing. One call at a time; a call allocates nothing on the
 * heap. Every method throws {@link IllegalArgumentException} if shapes differ, the result is read-only or overlaps an operand
 * without lying in the very same place, or a matrix belongs to a confined arena and there are more workers than one; and {@link
 * java.util.concurrent.CancellationException} if the calling thread is interrupted before it begins: a result is made whole or not at all.
 */
public final class LogSoftmax {

    /**
     * Elements that are summed in float32, before their sum is added up in double; they stay in the first cache, with the next ones.
     */
    private static final int BLOCK = 2048;

    /** The same of upstream gradients, which are added up as they come. */
    private static final int SUMMED = 1024;

    private final OneCall call = new OneCall("this log-softmax");
    private final Workers workers;
    private final RowKernels kernels = Kernels.current().rows();
    private final float[][] sums;
    private final Workers.Task values = this::valuesOfRow;
    private final Workers.Task gradient = this::gradientOfRow;
    private Matrix x;
    private Matrix upstream;
    private Matrix result;

    /** Log-softmax computed by these workers. */
    public LogSoftmax(Workers workers) {
        this.workers = Objects.requireNonNull(workers, "workers");
        sums = new float[workers.size()][2 * RowKernels.PARTIAL_SUMS];
    }

    /**
     * Computes y.
     *
     * @param logits x, T x V
     * @param logProbabilities y, T x V; may be {@code logits} itself
     */
    public void values(Matrix logits, Matrix logProbabilities) {
        begin(logits, logits, logProbabilities);
        run(logits, values);
    }

    /**
     * Computes dL/dx. Where y is near 0 and g is the row's only one, their difference keeps no relative accuracy: a head's gradient does.
     * The sum of g is one of floats, and must not overflow.
     *
     * @param logProbabilities y, T x V, as {@link #values} gave it
     * @param upstream g = dL/dy, T x V
     * @param gradient dL/dx, T x V; may be {@code logProbabilities} or {@code upstream} itself
     */
    public void gradient(Matrix logProbabilities, Matrix upstream, Matrix gradient) {
        begin(logProbabilities, upstream, gradient);
        run(logProbabilities, this.gradient);
    }

    private void begin(Matrix x, Matrix upstream, Matrix result) {
        upstream.requireShape("upstream", x.rows(), x.columns());
        result.requireShape("the result", x.rows(), x.columns());
        workers.requireReadable("the operand", x.segment());
        workers.requireReadable("upstream", upstream.segment());
        workers.requireWritable("the result", result.segment());
        result.requireSameOrApart("the result", "the operand", x);
        result.requireSameOrApart("the result", "upstream", upstream);
        call.begin();
        this.x = x;
        this.upstream = upstream;
        this.result = result;
    }

    private void run(Matrix rows, Workers.Task task) {
        try {
            workers.runToEnd(rows.columns() == 0 ? 0 : rows.rows(), task);
        } finally {
            x = null;
            upstream = null;
            result = null;
            call.end();
        }
    }

    private void valuesOfRow(int row, int worker) {
        int n = x.columns();
        long at = x.offset(row, 0);
        float max = -Float.MAX_VALUE;
        double others = -1; // the sum of e^(x - max), less the one of the maximum itself
        float blockMax = kernels.max(Math.min(BLOCK, n), x.segment(), at);
        int done = 0;
        while (done < n) {
            int length = Math.min(BLOCK, n - done);
            int next = Math.min(BLOCK, n - done - length);
            float[] partial = sums[worker];
            float nextMax = kernels.exponentials(length, blockMax, x.segment(), at + done * 4L, next, partial);
            double whole = -1; // exact
            double lost = 0;
            for (int i = 0; i < RowKernels.PARTIAL_SUMS; i++) {
                whole += partial[i] - 1;
                lost += partial[RowKernels.PARTIAL_SUMS + i];
            }
            double blockOthers = whole + lost;
            if (blockMax > max) {
                others = (others + 1) * StrictMath.exp((double) max - blockMax) + blockOthers;
                max = blockMax;
            } else if (blockMax == max) {
                others += blockOthers + 1;
            } else {
                others += (blockOthers + 1) * StrictMath.exp((double) blockMax - max);
            }
            blockMax = nextMax;
            done += length;
        }
        double logSum = StrictMath.log1p(others);
        float total = (float) logSum;
        float rest = (float) (logSum - total); // without it, the whole row would err by it
        kernels.shift(n, max, rest, total, x.segment(), at, result.segment(), result.offset(row, 0));
    }

    private void gradientOfRow(int row, int worker) {
        int n = x.columns();
        long at = upstream.offset(row, 0);
        double total = 0;
        int done = 0;
        while (done < n) {
            int length = Math.min(SUMMED, n - done);
            total += kernels.sum(length, upstream.segment(), at + done * 4L);
            done += length;
        }
        kernels.gradient(
                n,
                (float) total,
                x.segment(),
                x.offset(row, 0),
                upstream.segment(),
                at,
                result.segment(),
                result.offset(row, 0));
    }
}
