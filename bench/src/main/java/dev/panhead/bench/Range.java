package dev.panhead.bench;

/** What the iterations of a benchmark gave. */
record Range(double median, double min, double max) {}
