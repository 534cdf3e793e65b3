package dev.panhead.kernel;

/** Element kernels. */
public interface ElementKernels {}
