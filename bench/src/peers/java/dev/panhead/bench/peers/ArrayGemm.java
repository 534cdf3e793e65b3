package dev.panhead.bench.peers;

import dev.panhead.tensor.Matrix;
import java.util.Arrays;

/** A library whose matrices are arrays. */
abstract class ArrayGemm extends GemmContender {

    float[] a;
    float[] b;
    float[] c;

    @Override
    void load(Matrix left, Matrix right) {
        a = array(left);
        b = array(right);
        c = new float[Math.multiplyExact(m, n)];
    }

    @Override
    float[] row(int row) {
        return Arrays.copyOfRange(c, row * n, (row + 1) * n);
    }
}
