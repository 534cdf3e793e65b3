package dev.panhead.bench;

import dev.panhead.bench.Trial.Role;

/**
 * What a trial gave.
 *
 * @param trial what was measured
 * @param gflops billions of floating-point operations a second
 * @param gigabytes billions of bytes a second that must come from memory or go there; 0 for work in the caches
 * @param heapBytes allocated by an operation
 * @param roof what the machine would give
 */
record Figure(Trial trial, Range gflops, Range gigabytes, double heapBytes, Roof roof) {

    private static final double IMPOSSIBLE = 1.05;

    /** Whether memory bounds it, so that its figure is in GB/s. */
    boolean isMemoryBound() {
        return roof != null ? roof.memory() : gflops.median() == 0 || trial.bandwidth() != null;
    }

    String unit() {
        return isMemoryBound() ? "GB/s" : "GFLOP/s";
    }

    Range value() {
        return isMemoryBound() ? gigabytes : gflops;
    }

    /** Operations for each byte. */
    double intensity() {
        return gflops.median() / gigabytes.median();
    }

    /** Part of the roof that is reached; the roofs themselves have none. */
    double share() {
        return roof == null ? Double.NaN : value().median() / roof.value();
    }

    /** Whether it is more than its roof by more than noise: the roof was measured while other programs ran. */
    boolean isImpossible() {
        return share() > IMPOSSIBLE;
    }

    /** Whether it has a place under the roofs: it computes, and it waits for memory. */
    boolean isInRoofline() {
        return trial.role() == Role.WORK && gflops.median() > 0 && gigabytes.median() > 0;
    }
}
