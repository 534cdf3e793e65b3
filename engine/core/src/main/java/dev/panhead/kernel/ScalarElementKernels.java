package dev.panhead.kernel;

/** Scalar. */
final class ScalarElementKernels implements ElementKernels {}
