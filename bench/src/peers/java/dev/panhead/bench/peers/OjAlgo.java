package dev.panhead.bench.peers;

import org.ojalgo.matrix.store.MatrixStore;
import org.ojalgo.matrix.store.R032Store;

/** ojAlgo, whose matrices lie by columns; it takes as many threads as it sees fit. */
final class OjAlgo extends GemmContender {

    private MatrixStore<Double> left;
    private MatrixStore<Double> right;
    private R032Store product;

    @Override
    void load(dev.panhead.tensor.Matrix a, dev.panhead.tensor.Matrix b) {
        MatrixStore<Double> storedA = R032Store.wrap(array(a), a.columns()).transpose();
        MatrixStore<Double> storedB = R032Store.wrap(array(b), b.columns()).transpose();
        left = transposeA ? storedA.transpose() : storedA;
        right = transposeB ? storedB.transpose() : storedB;
        product = R032Store.FACTORY.make(m, n);
    }

    @Override
    public void run() {
        product.fillByMultiplying(left, right);
    }

    @Override
    float[] row(int row) {
        float[] values = new float[n];
        for (int column = 0; column < n; column++) {
            values[column] = product.floatValue(row, column);
        }
        return values;
    }
}
