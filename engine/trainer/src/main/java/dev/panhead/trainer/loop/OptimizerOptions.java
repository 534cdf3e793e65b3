package dev.panhead.trainer.loop;

import dev.panhead.exec.Workers;
import java.util.Map;

/** Which optimizer trains, and how. Weight decay pulls on the weights of linear layers, not on embeddings and biases. */
public sealed interface OptimizerOptions {

    /** The optimizer. */
    Optimizer start(Workers workers);

    /** The options by name, for files. */
    Map<String, Object> toMap();

    /**
     * AdamW.
     *
     * @param beta1 decay of the gradients' mean
     * @param beta2 decay of their squares' mean
     * @param epsilon added to the root of that
     * @param weightDecay times the rate, taken from each weight
     */
    record AdamWOptions(double beta1, double beta2, double epsilon, double weightDecay) implements OptimizerOptions {

        /** Checks the values. */
        public AdamWOptions {
            TrainingOptions.require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and less than 1");
            TrainingOptions.require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and less than 1");
            TrainingOptions.require(epsilon > 0 && epsilon < 1, "epsilon", epsilon, "more than 0 and less than 1");
            requireDecay(weightDecay);
        }

        @Override
        public Optimizer start(Workers workers) {
            return new Optimizer.AdamWRule(workers, this);
        }

        @Override
        public Map<String, Object> toMap() {
            return Map.of(
                    "optimizer",
                    "adamw",
                    "beta1",
                    beta1,
                    "beta2",
                    beta2,
                    "epsilon",
                    epsilon,
                    "weight_decay",
                    weightDecay);
        }
    }

    /**
     * Stochastic gradient descent.
     *
     * @param momentum share of the last step that is made again
     * @param nesterov whether Nesterov's way
     * @param weightDecay added to the gradient, times the weight
     */
    record SgdOptions(double momentum, boolean nesterov, double weightDecay) implements OptimizerOptions {

        /** Checks the values. */
        public SgdOptions {
            TrainingOptions.require(momentum >= 0 && momentum < 1, "momentum", momentum, "at least 0 and less than 1");
            if (nesterov && (float) momentum == 0) {
                throw new IllegalArgumentException("--nesterov wants a --momentum, but it is 0");
            }
            requireDecay(weightDecay);
        }

        @Override
        public Optimizer start(Workers workers) {
            return new Optimizer.SgdRule(workers, this);
        }

        @Override
        public Map<String, Object> toMap() {
            return Map.of("optimizer", "sgd", "momentum", momentum, "nesterov", nesterov, "weight_decay", weightDecay);
        }
    }

    private static void requireDecay(double weightDecay) {
        TrainingOptions.require(
                weightDecay >= 0 && weightDecay < 100, "weight-decay", weightDecay, "at least 0 and less than 100");
    }
}
