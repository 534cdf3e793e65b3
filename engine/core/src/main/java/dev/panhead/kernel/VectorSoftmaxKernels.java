package dev.panhead.kernel;

/** Vector. */
final class VectorSoftmaxKernels implements SoftmaxKernels {}
