package dev.panhead.optim;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.ElementKernels;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.SgdStep;
import dev.panhead.math.RowBlocks;
import dev.panhead.tensor.Matrix;
import java.util.List;
import java.util.Objects;

/**
 * Stochastic gradient descent with momentum and weight decay, as PyTorch computes it:
 *
 * <pre>
 *   g = g + decay p          v = momentum v + g
 *   p = p - rate v           or, with Nesterov's momentum,  p = p - rate (g + momentum v)
 * </pre>
 *
 * <p>One fused pass; the same bits on every machine. One call at a time; a call allocates nothing on the heap.
 */
public final class Sgd {

    private final OneCall call = new OneCall("this optimizer");
    private final Workers workers;
    private final ElementKernels kernels = Kernels.current().elements();
    private final SgdStep step = new SgdStep();
    private final Workers.Task task = this::block;
    private Matrix parameters;
    private Matrix gradient;
    private Matrix velocity;

    /**
     * An optimizer.
     *
     * @param momentum in [0, 1); 0 for none
     * @param nesterov whether the momentum is Nesterov's
     * @param weightDecay not negative
     * @throws IllegalArgumentException if a value is out of range, or Nesterov's momentum is asked for without momentum
     */
    public Sgd(Workers workers, double momentum, boolean nesterov, double weightDecay) {
        this.workers = Objects.requireNonNull(workers, "workers");
        step.momentum = (float) Ranges.fraction("momentum", (float) momentum);
        step.decay = Ranges.finite("weightDecay", Ranges.notNegative("weightDecay", weightDecay));
        step.nesterov = nesterov;
        if (nesterov && step.momentum == 0) {
            throw new IllegalArgumentException("Nesterov's momentum needs a momentum above 0");
        }
    }

    /**
     * Makes one step.
     *
     * @param parameters p, updated in place
     * @param gradient g, of the same shape
     * @param velocity v, of the same shape, zero at the start, updated in place; null if there is no momentum
     * @param learningRate rate
     * @param gradientScale what g is multiplied by first: {@link GradientNorm#clipScale}, or 1
     * @throws IllegalArgumentException if the shapes differ, a velocity is missing or there is no use for it, what is updated is
     *     read-only or shares memory with another of them, or a matrix belongs to a confined arena and there are more workers
     *     than one
     * @throws IllegalStateException if the workers or the arena of a matrix are closed, or another call is under way
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted before it begins: an update is made whole or not at all
     */
    public void update(Matrix parameters, Matrix gradient, Matrix velocity, double learningRate, double gradientScale) {
        gradient.requireShape("gradient", parameters.rows(), parameters.columns());
        requireVelocity(parameters, velocity);
        float rate = Ranges.finite("learningRate", Ranges.notNegative("learningRate", learningRate));
        float scale = Ranges.finite("gradientScale", Ranges.notNegative("gradientScale", gradientScale));
        workers.requireWritable("parameters", parameters.segment());
        workers.requireReadable("gradient", gradient.segment());
        parameters.requireApart("parameters", "gradient", gradient);
        if (velocity != null) {
            workers.requireWritable("velocity", velocity.segment());
            velocity.requireApart("velocity", "gradient", gradient);
        }
        call.begin();
        try {
            this.parameters = parameters;
            this.gradient = gradient;
            this.velocity = velocity;
            step.scale = scale;
            step.rate = rate;
            workers.runToEnd(RowBlocks.count(parameters), task);
        } finally {
            this.parameters = null;
            this.gradient = null;
            this.velocity = null;
            call.end();
        }
    }

    /**
     * A step that can be fused into what computes the gradient.
     *
     * @param parameters p, updated in place
     * @param velocity v, of the same shape, zero at the start, updated in place; null if there is no momentum
     * @throws IllegalArgumentException if the shapes differ, the memory is shared, a velocity is missing or there is no use for it
     */
    public Slices slices(Matrix parameters, Matrix velocity) {
        requireVelocity(parameters, velocity);
        return new Slices(parameters, velocity);
    }

    /** The step on one parameter, slice by slice. */
    public final class Slices extends SliceUpdate {

        private final Matrix parameters;
        private final Matrix velocity;
        private final SgdStep step = new SgdStep();

        private Slices(Matrix parameters, Matrix velocity) {
            super(velocity == null ? List.of(parameters) : List.of(parameters, velocity));
            this.parameters = parameters;
            this.velocity = velocity;
            step.momentum = Sgd.this.step.momentum;
            step.decay = Sgd.this.step.decay;
            step.nesterov = Sgd.this.step.nesterov;
            step.scale = 1;
        }

        /**
         * Prepares the next step.
         *
         * @param learningRate rate
         * @throws IllegalArgumentException if the rate is negative or not finite
         */
        public void prepare(double learningRate) {
            taken(); // what was prepared before is not to be made in place of one that is refused
            step.rate = Ranges.finite("learningRate", Ranges.notNegative("learningRate", learningRate));
            prepared();
        }

        @Override
        public void update(int row, int column, int rows, int columns, Matrix gradient) {
            for (int i = 0; i < rows; i++) {
                kernels.sgd(
                        columns,
                        step,
                        parameters.segment(),
                        parameters.offset(row + i, column),
                        gradient.segment(),
                        gradient.offset(i, 0),
                        velocity == null ? null : velocity.segment(),
                        velocity == null ? 0 : velocity.offset(row + i, column));
            }
        }
    }

    private void requireVelocity(Matrix parameters, Matrix velocity) {
        if ((velocity == null) != (step.momentum == 0)) {
            throw new IllegalArgumentException("a velocity goes with momentum, but momentum is " + step.momentum
                    + (velocity == null ? " and there is none" : ""));
        }
        if (velocity != null) {
            velocity.requireShape("velocity", parameters.rows(), parameters.columns());
            velocity.requireApart("velocity", "parameters", parameters);
        }
    }

    private void block(int index, int worker) {
        int from = index * RowBlocks.rows(parameters);
        int to = RowBlocks.end(parameters, index);
        for (int row = from; row < to; row++) {
            kernels.sgd(
                    parameters.columns(),
                    step,
                    parameters.segment(),
                    parameters.offset(row, 0),
                    gradient.segment(),
                    gradient.offset(row, 0),
                    velocity == null ? null : velocity.segment(),
                    velocity == null ? 0 : velocity.offset(row, 0));
        }
    }
}
