package dev.panhead.blas;

import dev.panhead.exec.Workers;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;

/** General matrix product C = alpha op(A) op(B) + beta C in float32. */
public final class Gemm {

    /** op: what is done to an operand before the product. */
    public enum Op {
        /** The operand as it lies. */
        NONE,
        /** The operand transposed. */
        TRANSPOSE
    }

    /** Plans products; scratch (about 2 MB a worker) comes from the arena, which must be shared if there are more workers than one. */
    public Gemm(Arena arena, Workers workers) {}

    /** C = alpha op(A) op(B) + beta C; C must overlap neither A nor B; beta = 0 overwrites C whatever it held. */
    public void multiply(float alpha, Op opA, Matrix a, Op opB, Matrix b, float beta, Matrix c) {
        throw new UnsupportedOperationException();
    }
}
