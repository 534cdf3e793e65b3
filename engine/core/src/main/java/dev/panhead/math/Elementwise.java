package dev.panhead.math;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.ElementKernels;
import dev.panhead.kernel.Kernels;
import dev.panhead.tensor.Matrix;
import java.util.Objects;

/**
 * Element-wise functions of matrices of equal shape, with the same bits on every machine.
 *
 * <p>A result may take the place of an operand, as long as both lie in the very same place. One call at a time; a call allocates
 * nothing on the heap. Every method throws {@link IllegalArgumentException} if the shapes differ, the result is read-only or
 * overlaps an operand otherwise, or a matrix belongs to a confined arena and there are more workers than one.
 */
public final class Elementwise {

    private enum Function {
        EXP,
        LOG,
        GELU,
        GELU_GRADIENT,
        ADD
    }

    private final OneCall call = new OneCall("these functions");
    private final Workers workers;
    private final ElementKernels kernels = Kernels.current().elements();
    private final Workers.Task task = this::block;
    private Function function;
    private Matrix x;
    private Matrix dy;
    private Matrix y;

    /** Functions computed by these workers. */
    public Elementwise(Workers workers) {
        this.workers = Objects.requireNonNull(workers, "workers");
    }

    /** y = e^x, to less than 1 ulp; overflow gives infinity, underflow subnormals and 0. */
    public void exp(Matrix x, Matrix y) {
        run(Function.EXP, x, y, y);
    }

    /** y = ln x, to less than 1 ulp; ln 0 is -infinity, negative x give NaN. */
    public void log(Matrix x, Matrix y) {
        run(Function.LOG, x, y, y);
    }

    /**
     * y = gelu(x) = x / (1 + e^-u), u = 2 sqrt(2 / pi) (x + 0.044715 x^3): the tanh form of Hendrycks and Gimpel, 2016
     * (PyTorch's {@code approximate="tanh"}).
     */
    public void gelu(Matrix x, Matrix y) {
        run(Function.GELU, x, y, y);
    }

    /** dx = gelu'(x) dy, the derivative of {@link #gelu}. */
    public void geluGradient(Matrix x, Matrix dy, Matrix dx) {
        run(Function.GELU_GRADIENT, x, dy, dx);
    }

    /** y = y + x. */
    public void add(Matrix x, Matrix y) {
        run(Function.ADD, x, y, y);
    }

    private void run(Function function, Matrix x, Matrix dy, Matrix y) {
        y.requireShape("the result", x.rows(), x.columns());
        dy.requireShape("dy", x.rows(), x.columns());
        workers.requireReadable("x", x.segment());
        workers.requireReadable("dy", dy.segment());
        workers.requireWritable("the result", y.segment());
        y.requireSameOrApart("the result", "x", x);
        y.requireSameOrApart("the result", "dy", dy);
        call.begin();
        try {
            this.function = function;
            this.x = x;
            this.dy = dy;
            this.y = y;
            workers.runToEnd(RowBlocks.count(x), task);
        } finally {
            this.x = null;
            this.dy = null;
            this.y = null;
            call.end();
        }
    }

    private void block(int index, int worker) {
        int from = index * RowBlocks.rows(x);
        int to = RowBlocks.end(x, index);
        if (x.isContiguous() && dy.isContiguous() && y.isContiguous()) {
            apply((to - from) * x.columns(), from);
            return;
        }
        for (int row = from; row < to; row++) {
            apply(x.columns(), row);
        }
    }

    private void apply(int n, int row) {
        long xAt = x.offset(row, 0);
        long yAt = y.offset(row, 0);
        switch (function) {
            case EXP -> kernels.exp(n, x.segment(), xAt, y.segment(), yAt);
            case LOG -> kernels.log(n, x.segment(), xAt, y.segment(), yAt);
            case GELU -> kernels.gelu(n, x.segment(), xAt, y.segment(), yAt);
            case GELU_GRADIENT ->
                kernels.geluGradient(n, x.segment(), xAt, dy.segment(), dy.offset(row, 0), y.segment(), yAt);
            case ADD -> kernels.addScaled(n, 1, x.segment(), xAt, y.segment(), yAt);
        }
    }
}
