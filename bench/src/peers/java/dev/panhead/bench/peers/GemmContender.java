package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Kind;
import dev.panhead.bench.peers.Workload.Part;
import dev.panhead.tensor.Matrix;

/** A library of matrix products: it takes part in those alone. C = op(A) op(B), all row-major and close together. */
abstract class GemmContender implements Contender {

    /** The product's shape: C is m x n, the inner dimension k. */
    int m;

    int n;
    int k;

    /** Whether A or B is stored transposed. */
    boolean transposeA;

    boolean transposeB;
    int threads;

    @Override
    public void load(Inputs inputs) {
        Workload workload = inputs.workload;
        threads = workload.threads();
        transposeA = workload.kind() == Kind.GEMM_WEIGHT;
        transposeB = workload.kind() == Kind.GEMM_LOGITS;
        Matrix a = workload.kind() == Kind.GEMM_LOGITS ? inputs.hidden() : inputs.logits();
        Matrix b = workload.kind() == Kind.GEMM_WEIGHT ? inputs.hidden() : inputs.weight();
        m = transposeA ? a.columns() : a.rows();
        k = transposeA ? a.rows() : a.columns();
        n = transposeB ? b.rows() : b.columns();
        load(a, b);
    }

    /** Takes the operands over, and makes room for C. */
    abstract void load(Matrix a, Matrix b);

    /** C's row. */
    abstract float[] row(int row);

    @Override
    public float[] row(Part part, int row) {
        return row(row);
    }

    static float[] array(Matrix matrix) {
        float[] values = new float[Math.toIntExact(matrix.size())];
        java.lang.foreign.MemorySegment.copy(
                matrix.segment(),
                java.lang.foreign.ValueLayout.JAVA_FLOAT,
                matrix.offset(0, 0),
                values,
                0,
                values.length);
        return values;
    }
}
