package dev.panhead.optim;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.AdamWStep;
import dev.panhead.kernel.ElementKernels;
import dev.panhead.kernel.Kernels;
import dev.panhead.math.RowBlocks;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;

/**
 * AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch computes it:
 *
 * <pre>
 *   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
 *   p = p - (rate decay p + rate / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon))
 * </pre>
 *
 * <p>One fused pass; the same bits on every machine. One call at a time; a call allocates nothing on the heap.
 */
public final class AdamW {

    /**
     * The moments of a parameter, of its shape, zero at the start.
     *
     * @param first m
     * @param second v
     */
    public record Moments(Matrix first, Matrix second) {
        /** Checks that the two are of one shape and row stride, and share no memory. */
        public Moments {
            second.requireShape("second moment", first.rows(), first.columns());
            if (first.rowStride() != second.rowStride()) {
                throw new IllegalArgumentException("the two moments must have the same row stride");
            }
            second.requireApart("second moment", "first moment", first);
        }

        /** Moments of a parameter of {@code rows x columns}. */
        public static Moments allocate(Arena arena, int rows, int columns) {
            return new Moments(Matrix.allocate(arena, rows, columns), Matrix.allocate(arena, rows, columns));
        }
    }

    private final OneCall call = new OneCall("this optimizer");
    private final Workers workers;
    private final double beta1;
    private final double beta2;
    private final float epsilon;
    private final double weightDecay;
    private final ElementKernels kernels = Kernels.current().elements();
    private final AdamWStep step = new AdamWStep();
    private final Workers.Task task = this::block;
    private Matrix parameters;
    private Matrix gradient;
    private Moments moments;

    /**
     * An optimizer.
     *
     * @param beta1 decay of the first moment, in [0, 1) as a float32, which is what bias corrections are made for; 0.9 is usual
     * @param beta2 decay of the second moment, likewise; 0.999 is usual, 0.95 for language models
     * @param epsilon added to the denominator, positive as a float32; 1e-8 is usual
     * @param weightDecay decoupled weight decay, not negative
     * @throws IllegalArgumentException if a value is out of range
     */
    public AdamW(Workers workers, double beta1, double beta2, double epsilon, double weightDecay) {
        this.workers = Objects.requireNonNull(workers, "workers");
        this.beta1 = Ranges.fraction("beta1", (float) beta1);
        this.beta2 = Ranges.fraction("beta2", (float) beta2);
        this.weightDecay = Ranges.notNegative("weightDecay", weightDecay);
        this.epsilon = (float) Ranges.positive("epsilon", (float) epsilon);
        settle(step);
    }

    /** What is the same in all steps. */
    private void settle(AdamWStep step) {
        step.epsilon = epsilon;
        step.beta1 = (float) beta1;
        step.share1 = (float) (1 - beta1);
        step.beta2 = (float) beta2;
        step.share2 = (float) (1 - beta2);
    }

    private void prepare(AdamWStep step, long number, double learningRate, double gradientScale) {
        if (number < 1) {
            throw new IllegalArgumentException("steps are counted from 1, but this is step " + number);
        }
        Ranges.notNegative("learningRate", learningRate);
        Ranges.notNegative("gradientScale", gradientScale);
        float scale = Ranges.finite("gradientScale", gradientScale);
        float decay = Ranges.finite("learningRate times weightDecay", learningRate * weightDecay);
        float rate =
                Ranges.finite("learningRate / (1 - beta1^number)", learningRate / (1 - StrictMath.pow(beta1, number)));
        step.scale = scale;
        step.decay = decay;
        step.rate = rate;
        step.correction = (float) (1 / Math.sqrt(1 - StrictMath.pow(beta2, number)));
    }

    /**
     * Makes one step.
     *
     * @param parameters p, updated in place
     * @param gradient g, of the same shape
     * @param moments of the same shape, updated in place
     * @param number which step this is for these parameters, from 1
     * @param learningRate rate
     * @param gradientScale what g is multiplied by first: {@link GradientNorm#clipScale}, or 1
     * @throws IllegalArgumentException if the shapes differ, {@code number} is less than 1, the rate or the scale is negative or not
     *     finite, what is updated is read-only or shares memory with another of them, or a matrix belongs to a confined arena
     *     and there are more workers than one
     * @throws IllegalStateException if the workers or the arena of a matrix are closed, or another call is under way
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted before it begins: an update is made whole or not at all
     */
    public void update(
            Matrix parameters,
            Matrix gradient,
            Moments moments,
            long number,
            double learningRate,
            double gradientScale) {
        call.begin();
        try {
            gradient.requireShape("gradient", parameters.rows(), parameters.columns());
            moments.first().requireShape("first moment", parameters.rows(), parameters.columns());
            prepare(step, number, learningRate, gradientScale);
            workers.requireWritable("parameters", parameters.segment());
            workers.requireReadable("gradient", gradient.segment());
            workers.requireWritable("first moment", moments.first().segment());
            workers.requireWritable("second moment", moments.second().segment());
            parameters.requireApart("parameters", "gradient", gradient);
            parameters.requireApart("parameters", "first moment", moments.first());
            parameters.requireApart("parameters", "second moment", moments.second());
            gradient.requireApart("gradient", "first moment", moments.first());
            gradient.requireApart("gradient", "second moment", moments.second());
            this.parameters = parameters;
            this.gradient = gradient;
            this.moments = moments;
            workers.runToEnd(RowBlocks.count(parameters), task);
        } finally {
            this.parameters = null;
            this.gradient = null;
            this.moments = null;
            call.end();
        }
    }

    /**
     * A step that can be fused into what computes the gradient.
     *
     * @param parameters p, updated in place
     * @param moments of the same shape, updated in place
     * @throws IllegalArgumentException if the shapes differ or the memory is shared
     */
    public Slices slices(Matrix parameters, Moments moments) {
        moments.first().requireShape("first moment", parameters.rows(), parameters.columns());
        parameters.requireApart("parameters", "first moment", moments.first());
        parameters.requireApart("parameters", "second moment", moments.second());
        return new Slices(parameters, moments);
    }

    /** AdamW's step on one parameter, slice by slice. */
    public final class Slices extends SliceUpdate {

        private final Matrix parameters;
        private final Moments moments;
        private final AdamWStep step = new AdamWStep();

        private Slices(Matrix parameters, Moments moments) {
            super(List.of(parameters, moments.first(), moments.second()));
            this.parameters = parameters;
            this.moments = moments;
            settle(step);
        }

        /**
         * Prepares the next step.
         *
         * @param number which step it is, from 1
         * @param learningRate rate
         * @throws IllegalArgumentException if {@code number} is less than 1 or the rate is negative or not finite
         */
        public void prepare(long number, double learningRate) {
            taken(); // what was prepared before is not to be made in place of one that is refused
            AdamW.this.prepare(step, number, learningRate, 1);
            prepared();
        }

        @Override
        public void update(int row, int column, int rows, int columns, Matrix gradient) {
            for (int i = 0; i < rows; i++) {
                kernels.adamW(
                        columns,
                        step,
                        parameters.segment(),
                        parameters.offset(row + i, column),
                        gradient.segment(),
                        gradient.offset(i, 0),
                        moments.first().segment(),
                        moments.second().segment(),
                        moments.first().offset(row + i, column));
            }
        }
    }

    private void block(int index, int worker) {
        int from = index * RowBlocks.rows(parameters);
        int to = RowBlocks.end(parameters, index);
        boolean oneRun = parameters.isContiguous()
                && gradient.isContiguous()
                && moments.first().isContiguous()
                && moments.second().isContiguous();
        if (oneRun) {
            apply((to - from) * parameters.columns(), from);
            return;
        }
        for (int row = from; row < to; row++) {
            apply(parameters.columns(), row);
        }
    }

    private void apply(int n, int row) {
        kernels.adamW(
                n,
                step,
                parameters.segment(),
                parameters.offset(row, 0),
                gradient.segment(),
                gradient.offset(row, 0),
                moments.first().segment(),
                moments.second().segment(),
                moments.first().offset(row, 0));
    }
}
