package dev.panhead.blas;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * C = alpha op(A) B^T + beta C where op(A) has few rows, as logits of some tokens do: what there is to do is to read B once.
 * The rows of op(A) lie in the lanes of vectors, the rows of B are not packed. A task is a run of B's rows. The same bits as the
 * general product's.
 */
final class ThinProduct implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** The most rows that op(A) may have; the vectors' width may allow less. */
    private static final int MOST_ROWS = 16;

    /** Rows of B that a task has. */
    private static final int ROWS_A_TASK = 32 * MatrixKernels.STREAMS;

    private final Workers workers;
    private final MatrixKernels kernels;
    private final Panels panels;
    private final MemorySegment[] tiles;
    private final MemorySegment[] spares;
    private Matrix b;
    private Matrix c;
    private float beta;
    private int k;

    /**
     * Plans thin products.
     *
     * @param panels where op(A) is packed, lent for each call
     */
    ThinProduct(Arena arena, Workers workers, MatrixKernels kernels, Panels panels) {
        this.workers = workers;
        this.kernels = kernels;
        this.panels = panels;
        tiles = new MemorySegment[workers.size()];
        spares = new MemorySegment[workers.size()];
        for (int w = 0; w < tiles.length; w++) {
            long bytes = (long) MatrixKernels.STREAMS * kernels.tile().columns() * Float.BYTES;
            tiles[w] = arena.allocate(bytes, Matrix.ALIGNMENT);
            spares[w] = arena.allocate(bytes, Matrix.ALIGNMENT);
        }
    }

    /** Whether a product of m x k and k x n is one of these. */
    boolean fits(int m, int k) {
        return m <= Math.min(MOST_ROWS, kernels.tile().columns())
                && k > 0
                && Math.ceilDiv(k, Gemm.BLOCK) <= panels.count();
    }

    /** Computes the product; the operands are checked, and b is stored as the transpose of what is multiplied by. */
    void multiply(float alpha, boolean transposed, Matrix a, Matrix b, float beta, Matrix c) {
        this.b = b;
        this.c = c;
        this.beta = beta;
        k = b.columns();
        for (int block = 0; block * Gemm.BLOCK < k; block++) {
            int from = block * Gemm.BLOCK;
            int kc = Math.min(Gemm.BLOCK, k - from);
            Packing.vector(kernels, !transposed, a, alpha, from, kc, 0, c.rows(), panels, block);
        }
        workers.run(Math.ceilDiv(b.rows(), ROWS_A_TASK), this);
        this.b = null;
        this.c = null;
    }

    @Override
    public void run(int task, int worker) {
        int end = (int) Math.min((task + 1L) * ROWS_A_TASK, b.rows());
        MemorySegment tile = tiles[worker];
        for (int row = task * ROWS_A_TASK; row < end; row += MatrixKernels.STREAMS) {
            int rows = Math.min(MatrixKernels.STREAMS, end - row);
            if (beta != 0) {
                fetch(row, rows, tile);
            }
            for (int block = 0; block * Gemm.BLOCK < k; block++) {
                int from = block * Gemm.BLOCK;
                kernels.multiplyRows(
                        rows,
                        Math.min(Gemm.BLOCK, k - from),
                        b.segment(),
                        b.offset(row, from),
                        b.rowStride() * Float.BYTES,
                        panels.get(block),
                        c.rows(),
                        tile,
                        block > 0 || beta != 0,
                        spares[worker]);
            }
            put(row, rows, tile);
        }
    }

    /** tile(i, t) = beta C(t, row + i). */
    private void fetch(int row, int rows, MemorySegment tile) {
        for (int t = 0; t < c.rows(); t++) {
            for (int i = 0; i < rows; i++) {
                float old = c.segment().get(FLOAT, c.offset(t, row + i));
                tile.set(FLOAT, cell(i, t), beta == 1 ? old : beta * old);
            }
        }
    }

    /** C(t, row + i) = tile(i, t). */
    private void put(int row, int rows, MemorySegment tile) {
        for (int t = 0; t < c.rows(); t++) {
            for (int i = 0; i < rows; i++) {
                c.segment().set(FLOAT, c.offset(t, row + i), tile.get(FLOAT, cell(i, t)));
            }
        }
    }

    private long cell(int i, int t) {
        Tile tile = kernels.tile();
        return ((long) i * tile.columns() + t) * Float.BYTES;
    }
}
