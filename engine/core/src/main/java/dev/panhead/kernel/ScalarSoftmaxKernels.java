package dev.panhead.kernel;

/** Scalar. */
final class ScalarSoftmaxKernels implements SoftmaxKernels {}
