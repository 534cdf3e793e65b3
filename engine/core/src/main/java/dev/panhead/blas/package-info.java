/** Matrix products: {@link dev.panhead.blas.Gemm}. */
package dev.panhead.blas;
