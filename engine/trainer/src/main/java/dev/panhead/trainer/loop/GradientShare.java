package dev.panhead.trainer.loop;

import dev.panhead.head.GradientMode;
import dev.panhead.head.HeadResult;

/** How much of a step's gradient was multiplied, over all its micro-batches. NaN before a step, and where the mode is exact: all of it. */
final class GradientShare {

    private final boolean exact;
    private final int vocabulary;
    private long tokens;
    private long entries;
    private double tail;

    GradientShare(GradientMode mode, int vocabulary) {
        exact = mode instanceof GradientMode.Exact;
        this.vocabulary = vocabulary;
    }

    /** Begins a step. */
    void begin() {
        tokens = 0;
        entries = 0;
        tail = 0;
    }

    /** Adds a micro-batch, which has tokens. */
    void add(HeadResult result) {
        tokens += result.tokens();
        entries += result.gradientEntries();
        tail += result.tokens() * result.tailMass();
    }

    /** Entries of dL/dz that were multiplied, as a fraction of T V. */
    double density() {
        return exact ? Double.NaN : entries / ((double) tokens * vocabulary);
    }

    /** What was neither rounded nor left out of the tokens' gradients, as a fraction. */
    double keptMass() {
        return exact ? Double.NaN : 1 - tail / tokens;
    }
}
