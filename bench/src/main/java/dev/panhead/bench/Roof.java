package dev.panhead.bench;

/**
 * The most that the machine would give to some work.
 *
 * @param name what sets it: "peak", or the kind of bandwidth
 * @param memory whether that is a bandwidth, in GB/s, and not the peak, in GFLOP/s
 * @param value the limit
 */
record Roof(String name, boolean memory, double value) {}
