package dev.panhead.bench.peers;

import dev.panhead.tensor.Matrix;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.mkl.global.mkl_rt;
import org.bytedeco.openblas.global.openblas;

/** A native BLAS. */
final class NativeBlas extends GemmContender {

    private static final int ROW_MAJOR = 101;
    private static final int PLAIN = 111;
    private static final int TRANSPOSED = 112;

    private final boolean mkl;
    private FloatPointer a;
    private FloatPointer b;
    private FloatPointer c;

    private NativeBlas(boolean mkl) {
        this.mkl = mkl;
    }

    static NativeBlas openBlas() {
        return new NativeBlas(false);
    }

    static NativeBlas mkl() {
        return new NativeBlas(true);
    }

    @Override
    void load(Matrix left, Matrix right) {
        a = copy(left);
        b = copy(right);
        c = new FloatPointer((long) m * n).zero(); // it is there before the memory is measured
    }

    private static FloatPointer copy(Matrix matrix) {
        return new FloatPointer(matrix.size()).put(array(matrix), 0, Math.toIntExact(matrix.size()));
    }

    @Override
    public void plan() {
        if (mkl) {
            mkl_rt.MKL_Set_Num_Threads(threads);
        } // OpenBLAS takes the number from the environment
    }

    @Override
    public void run() {
        int opA = transposeA ? TRANSPOSED : PLAIN;
        int opB = transposeB ? TRANSPOSED : PLAIN;
        int strideA = transposeA ? m : k;
        int strideB = transposeB ? k : n;
        if (mkl) {
            mkl_rt.cblas_sgemm(ROW_MAJOR, opA, opB, m, n, k, 1, a, strideA, b, strideB, 0, c, n);
        } else {
            openblas.cblas_sgemm(ROW_MAJOR, opA, opB, m, n, k, 1, a, strideA, b, strideB, 0, c, n);
        }
    }

    @Override
    float[] row(int row) {
        float[] values = new float[n];
        new FloatPointer(c).position((long) row * n).get(values);
        return values;
    }
}
