/**
 * The arithmetic: the only package that uses {@code jdk.incubator.vector}. Not exported. Each operation stands here twice, in
 * vectors and in scalars, with the same operations in the same order on every element, so that both give the same bits.
 */
package dev.panhead.kernel;
