package dev.panhead.kernel;

/** Vector. */
final class VectorElementKernels implements ElementKernels {}
