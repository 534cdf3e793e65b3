package dev.panhead.bench.peers;

import dev.ludovic.netlib.blas.JavaBLAS;

/** netlib's BLAS in Java, by the Vector API where it finds it. It counts by columns: C^T = op(B)^T op(A)^T. One thread. */
final class NetlibBlas extends ArrayGemm {

    private final JavaBLAS blas = JavaBLAS.getInstance();

    @Override
    public void run() {
        blas.sgemm(
                transposeB ? "T" : "N",
                transposeA ? "T" : "N",
                n,
                m,
                k,
                1,
                b,
                transposeB ? k : n,
                a,
                transposeA ? m : k,
                0,
                c,
                n);
    }
}
