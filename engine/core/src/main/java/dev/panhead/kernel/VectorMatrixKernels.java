package dev.panhead.kernel;

/** Vector. */
final class VectorMatrixKernels implements MatrixKernels {}
