package dev.panhead.optim;

/**
 * A learning-rate schedule: linear warm-up from 0 to a peak, then constant, or falling along a line or half a cosine to a floor
 * at the end. Stateless; safe to share between threads.
 */
public sealed interface LearningRate {

    /**
     * The rate when a fraction of the training is done. A step takes the fraction that is done with it, {@code number / steps} counted from 1: with a
     * warm-up, the rate at 0 is 0.
     *
     * @param progress from 0 to 1; clamped
     * @throws IllegalArgumentException if it is NaN
     */
    double at(double progress);

    /**
     * Constant after the warm-up.
     *
     * @param peak the highest rate
     * @param warmUp fraction of the training that the warm-up takes, in [0, 1)
     */
    record Constant(double peak, double warmUp) implements LearningRate {
        /** Checks the values. */
        public Constant {
            Ranges.notNegative("peak", peak);
            Ranges.fraction("warmUp", warmUp);
        }

        @Override
        public double at(double progress) {
            return peak * LearningRate.rise(progress, warmUp);
        }
    }

    /**
     * Falls along a line after the warm-up.
     *
     * @param peak the highest rate
     * @param warmUp fraction of the training that the warm-up takes, in [0, 1)
     * @param floor the rate at the end
     */
    record Linear(double peak, double warmUp, double floor) implements LearningRate {
        /** Checks the values. */
        public Linear {
            Ranges.notNegative("peak", peak);
            Ranges.fraction("warmUp", warmUp);
            Ranges.notNegative("floor", floor);
        }

        @Override
        public double at(double progress) {
            double rise = LearningRate.rise(progress, warmUp);
            return rise < 1 ? peak * rise : peak + (floor - peak) * LearningRate.rest(progress, warmUp);
        }
    }

    /**
     * Falls along half a cosine after the warm-up.
     *
     * @param peak the highest rate
     * @param warmUp fraction of the training that the warm-up takes, in [0, 1)
     * @param floor the rate at the end
     */
    record Cosine(double peak, double warmUp, double floor) implements LearningRate {
        /** Checks the values. */
        public Cosine {
            Ranges.notNegative("peak", peak);
            Ranges.fraction("warmUp", warmUp);
            Ranges.notNegative("floor", floor);
        }

        @Override
        public double at(double progress) {
            double rise = LearningRate.rise(progress, warmUp);
            double wave = (1 + StrictMath.cos(Math.PI * LearningRate.rest(progress, warmUp))) / 2;
            return rise < 1 ? peak * rise : floor + (peak - floor) * wave;
        }
    }

    private static double rise(double progress, double warmUp) {
        if (Double.isNaN(progress)) {
            throw new IllegalArgumentException("progress is NaN");
        }
        return warmUp == 0 ? 1 : Math.min(1, Math.max(0, progress) / warmUp);
    }

    private static double rest(double progress, double warmUp) {
        return Math.clamp((progress - warmUp) / (1 - warmUp), 0, 1);
    }
}
