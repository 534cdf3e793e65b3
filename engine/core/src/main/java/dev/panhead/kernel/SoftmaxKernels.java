package dev.panhead.kernel;

/** Softmax kernels. */
public interface SoftmaxKernels {}
