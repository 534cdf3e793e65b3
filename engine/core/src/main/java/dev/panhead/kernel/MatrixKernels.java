package dev.panhead.kernel;

/** Matrix kernels. */
public interface MatrixKernels {}
