package dev.panhead.trainer.loop;

import dev.panhead.optim.LearningRate;
import java.util.Locale;

/**
 * How the learning rate goes over the training.
 *
 * @param shape what it does after the warm-up
 * @param peak the highest rate
 * @param warmUp fraction of the training in which the rate rises to it
 * @param floor the rate at the end, as a fraction of the peak; a constant rate has none
 */
public record Schedule(Shape shape, double peak, double warmUp, double floor) {

    /** What the rate does after the warm-up. */
    public enum Shape {
        /** It stays. */
        CONSTANT,
        /** It falls along a line. */
        LINEAR,
        /** It falls along half a cosine. */
        COSINE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException naming the value that is out of range
     */
    public Schedule {
        TrainingOptions.require(peak > 0 && peak < 1000, "learning-rate", peak, "more than 0 and less than 1000");
        TrainingOptions.require(warmUp >= 0 && warmUp < 1, "warm-up", warmUp, "at least 0 and less than 1");
        TrainingOptions.require(floor >= 0 && floor <= 1, "floor", floor, "from 0 to 1");
    }

    LearningRate rate() {
        return switch (shape) {
            case CONSTANT -> new LearningRate.Constant(peak, warmUp);
            case LINEAR -> new LearningRate.Linear(peak, warmUp, floor * peak);
            case COSINE -> new LearningRate.Cosine(peak, warmUp, floor * peak);
        };
    }
}
