/** Benchmarks. Scores of the arithmetic read as GFLOP/s, those of memory-bound work as GB/s. */
package dev.panhead.bench;
