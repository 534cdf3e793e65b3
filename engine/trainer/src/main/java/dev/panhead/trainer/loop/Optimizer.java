package dev.panhead.trainer.loop;

import dev.panhead.exec.Workers;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.Sgd;
import dev.panhead.optim.SliceUpdate;
import dev.panhead.tensor.Matrix;
import java.util.List;

/** The rule by which gradients change parameters, for those that decay and those that do not. */
sealed interface Optimizer {

    /** How many matrices of a parameter's size it remembers. */
    int states();

    /** Changes a parameter. */
    void update(Learned piece, long step, double rate, double scale);

    /** A change to a parameter that is made as its gradient becomes final. */
    FusedStep fuse(Matrix value, List<Matrix> states, boolean decays);

    /**
     * A fused change.
     *
     * @param update what the head calls
     * @param preparation makes it ready for one step
     */
    record FusedStep(SliceUpdate update, Preparation preparation) {

        void prepare(long step, double rate) {
            preparation.prepare(step, rate);
        }
    }

    /** What a fused change wants to know of a step. */
    @FunctionalInterface
    interface Preparation {

        /** Tells it. */
        void prepare(long step, double rate);
    }

    /** AdamW (Loshchilov and Hutter, 2019). */
    record AdamWRule(AdamW decaying, AdamW plain) implements Optimizer {

        AdamWRule(Workers workers, OptimizerOptions.AdamWOptions options) {
            this(
                    new AdamW(workers, options.beta1(), options.beta2(), options.epsilon(), options.weightDecay()),
                    new AdamW(workers, options.beta1(), options.beta2(), options.epsilon(), 0));
        }

        @Override
        public int states() {
            return 2;
        }

        @Override
        public void update(Learned piece, long step, double rate, double scale) {
            of(piece.decays()).update(piece.value(), piece.gradient(), moments(piece.states()), step, rate, scale);
        }

        @Override
        public FusedStep fuse(Matrix value, List<Matrix> states, boolean decays) {
            AdamW.Slices slices = of(decays).slices(value, moments(states));
            return new FusedStep(slices, slices::prepare);
        }

        private AdamW of(boolean decays) {
            return decays ? decaying : plain;
        }

        private static AdamW.Moments moments(List<Matrix> states) {
            return new AdamW.Moments(states.get(0), states.get(1));
        }
    }

    /** Stochastic gradient descent, with momentum or without. */
    record SgdRule(Sgd decaying, Sgd plain, boolean remembers) implements Optimizer {

        SgdRule(Workers workers, OptimizerOptions.SgdOptions options) {
            this(
                    new Sgd(workers, options.momentum(), options.nesterov(), options.weightDecay()),
                    new Sgd(workers, options.momentum(), options.nesterov(), 0),
                    options.momentum() > 0);
        }

        @Override
        public int states() {
            return remembers ? 1 : 0;
        }

        @Override
        public void update(Learned piece, long step, double rate, double scale) {
            of(piece.decays()).update(piece.value(), piece.gradient(), velocity(piece.states()), rate, scale);
        }

        @Override
        public FusedStep fuse(Matrix value, List<Matrix> states, boolean decays) {
            Sgd.Slices slices = of(decays).slices(value, velocity(states));
            return new FusedStep(slices, (step, rate) -> slices.prepare(rate));
        }

        private Sgd of(boolean decays) {
            return decays ? decaying : plain;
        }

        private Matrix velocity(List<Matrix> states) {
            return remembers ? states.getFirst() : null;
        }
    }
}
