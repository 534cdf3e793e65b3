package dev.panhead.bench;

import java.util.Arrays;

/** What the iterations of a benchmark gave. */
record Range(double median, double min, double max) {

    /** Of some figures, at least one. */
    static Range of(double[] figures) {
        double[] sorted = figures.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        return new Range(median, sorted[0], sorted[sorted.length - 1]);
    }

    /** Of the ratios of figures that belong together. */
    static Range ofRatios(double[] figures, double[] beside) {
        double[] ratios = new double[figures.length];
        Arrays.setAll(ratios, i -> figures[i] / beside[i]);
        return of(ratios);
    }
}
