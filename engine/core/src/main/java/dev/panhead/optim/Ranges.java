package dev.panhead.optim;

/** Checks of the optimizers' settings. */
final class Ranges {

    private Ranges() {}

    static double fraction(String name, double value) {
        return require(value >= 0 && value < 1, name, value, "at least 0 and less than 1");
    }

    static double notNegative(String name, double value) {
        return require(value >= 0 && value < Double.POSITIVE_INFINITY, name, value, "at least 0 and finite");
    }

    static double positive(String name, double value) {
        return require(value > 0 && value < Double.POSITIVE_INFINITY, name, value, "positive and finite");
    }

    /** A number as the kernels take it. */
    static float finite(String name, double value) {
        return (float) require(Math.abs((float) value) < Float.POSITIVE_INFINITY, name, value, "finite as a float32");
    }

    private static double require(boolean holds, String name, double value, String range) {
        if (!holds) {
            throw new IllegalArgumentException(name + " must be " + range + ", but is " + value);
        }
        return value;
    }
}
