package dev.panhead.kernel;

/** Scalar. */
final class ScalarMatrixKernels implements MatrixKernels {}
