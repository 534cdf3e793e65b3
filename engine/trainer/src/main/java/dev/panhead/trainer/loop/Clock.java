package dev.panhead.trainer.loop;

import java.io.IOException;

/** How long a training has taken, and how much of that since its start or resumption went into steps. */
final class Clock {

    private final long start = System.nanoTime();
    private final double before;
    private final long firstStep;
    private double excluded;

    /** What is not a step. */
    @FunctionalInterface
    interface Pause {
        /** Does it. */
        void run() throws IOException;
    }

    /**
     * Starts.
     *
     * @param before seconds that the training took before
     * @param firstStep steps done before
     */
    Clock(double before, long firstStep) {
        this.before = before;
        this.firstStep = firstStep;
    }

    /** Seconds in all. */
    double seconds() {
        return before + sinceStart();
    }

    /** Seconds since the start, pauses left out. */
    double learning() {
        return sinceStart() - excluded;
    }

    long firstStep() {
        return firstStep;
    }

    void exclude(Pause pause) throws IOException {
        double from = sinceStart();
        pause.run();
        excluded += sinceStart() - from;
    }

    private double sinceStart() {
        return (System.nanoTime() - start) * 1e-9;
    }
}
