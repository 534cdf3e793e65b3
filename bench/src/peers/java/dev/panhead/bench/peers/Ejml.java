package dev.panhead.bench.peers;

import org.ejml.concurrency.EjmlConcurrency;
import org.ejml.data.FMatrixRMaj;
import org.ejml.dense.row.CommonOps_FDRM;
import org.ejml.dense.row.CommonOps_MT_FDRM;

/** EJML. */
final class Ejml extends ArrayGemm {

    @Override
    public void run() {
        FMatrixRMaj left = FMatrixRMaj.wrap(transposeA ? k : m, transposeA ? m : k, a);
        FMatrixRMaj right = FMatrixRMaj.wrap(transposeB ? n : k, transposeB ? k : n, b);
        FMatrixRMaj product = FMatrixRMaj.wrap(m, n, c);
        if (threads > 1) {
            EjmlConcurrency.setMaxThreads(threads);
            if (transposeA) {
                CommonOps_MT_FDRM.multTransA(left, right, product);
            } else if (transposeB) {
                CommonOps_MT_FDRM.multTransB(left, right, product);
            } else {
                CommonOps_MT_FDRM.mult(left, right, product);
            }
        } else if (transposeA) {
            CommonOps_FDRM.multTransA(left, right, product);
        } else if (transposeB) {
            CommonOps_FDRM.multTransB(left, right, product);
        } else {
            CommonOps_FDRM.mult(left, right, product);
        }
    }
}
