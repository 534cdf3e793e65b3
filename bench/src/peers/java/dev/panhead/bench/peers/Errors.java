package dev.panhead.bench.peers;

/**
 * How far numbers are from the exact ones: the largest error relative to the largest number, and the root of the mean square relative to
 * the numbers' own.
 */
final class Errors {

    private double maxError;
    private double largest = Double.MIN_NORMAL;
    private double errorSquares;
    private double squares = Double.MIN_NORMAL;

    void add(double computed, double exact) {
        double error = Math.abs(computed - exact);
        maxError = Math.max(maxError, error);
        largest = Math.max(largest, Math.abs(exact));
        errorSquares += error * error;
        squares += exact * exact;
    }

    double max() {
        return maxError / largest;
    }

    double rms() {
        return Math.sqrt(errorSquares / squares);
    }
}
