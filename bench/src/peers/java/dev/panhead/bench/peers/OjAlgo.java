package dev.panhead.bench.peers;

import org.ojalgo.matrix.store.MatrixStore;
import org.ojalgo.matrix.store.R032Store;

/** ojAlgo. It counts by columns: C^T = op(B)^T op(A)^T. It takes as many threads as it sees fit. */
final class OjAlgo extends GemmContender {

    private MatrixStore<Double> left;
    private MatrixStore<Double> right;
    private R032Store product;

    @Override
    void load(dev.panhead.tensor.Matrix a, dev.panhead.tensor.Matrix b) {
        R032Store storedA = R032Store.wrap(array(a), a.columns());
        R032Store storedB = R032Store.wrap(array(b), b.columns());
        left = transposeB ? storedB.transpose() : storedB;
        right = transposeA ? storedA.transpose() : storedA;
        product = R032Store.FACTORY.make(n, m);
    }

    @Override
    public void run() {
        product.fillByMultiplying(left, right);
    }

    @Override
    float[] row(int row) {
        float[] values = new float[n];
        for (int column = 0; column < n; column++) {
            values[column] = product.floatValue(column, row);
        }
        return values;
    }
}
