package dev.panhead.blas;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Panels;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
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

    /** The most rows that op(A) may have. */
    private static final int MOST_ROWS = 16;

    private static final long THIN_BYTES = (long) MatrixKernels.THIN_COLUMNS * Float.BYTES;
    private static final long TILE_BYTES = MatrixKernels.STREAMS * THIN_BYTES;

    /** Rows of B that a task has. */
    private static final int ROWS_A_TASK = 33 * MatrixKernels.STREAMS;

    private final Workers workers;
    private final MatrixKernels kernels;
    private final Panels panels;
    private final MemorySegment[] tiles;
    private final MemorySegment[] strips;
    private final int length;
    private ReadableMatrix b;
    private Matrix c;
    private float beta;
    private float[] column = {}; // op(A), if it is one row
    private int k;

    /**
     * Plans thin products.
     *
     * @param panels where op(A) is packed, lent for each call
     * @param strips each worker's, where rows of 16-bit floats are widened
     * @param length of the reduction blocks
     */
    ThinProduct(
            Arena arena, Workers workers, MatrixKernels kernels, Panels panels, MemorySegment[] strips, int length) {
        this.length = length;
        this.strips = strips;
        this.workers = workers;
        this.kernels = kernels;
        this.panels = panels;
        tiles = new MemorySegment[workers.size()];
        for (int w = 0; w < tiles.length; w++) {
            tiles[w] = arena.allocate(groups(MOST_ROWS) * TILE_BYTES, Matrix.ALIGNMENT);
        }
    }

    /** Whether a product of m x k and k x n is one of these. */
    boolean fits(int m, int k) {
        return m <= MOST_ROWS && k > 0 && groups(m) * Math.ceilDiv(k, length) <= panels.count();
    }

    /** Thin panels that op(A)'s rows fill. */
    private static int groups(int m) {
        return Math.ceilDiv(m, MatrixKernels.THIN_COLUMNS);
    }

    /** Computes the product; the operands are checked, and b is stored as the transpose of what is multiplied by. */
    void multiply(float alpha, boolean transposed, ReadableMatrix a, ReadableMatrix b, float beta, Matrix c) {
        try {
            this.b = b;
            this.c = c;
            this.beta = beta;
            k = b.columns();
            packAll(alpha, transposed, a);
            workers.run(Math.ceilDiv(b.rows(), ROWS_A_TASK), this);
        } finally {
            this.b = null;
            this.c = null;
        }
    }

    private void packAll(float alpha, boolean transposed, ReadableMatrix a) {
        if (c.rows() == 1) {
            if (column.length < k) {
                column = new float[k];
            }
            for (int j = 0; j < k; j++) {
                column[j] = alpha * (transposed ? a.get(j, 0) : a.get(0, j));
            }
        } else {
            for (int block = 0; block * length < k; block++) {
                for (int group = 0; group < groups(c.rows()); group++) {
                    pack(alpha, transposed, a, block, group);
                }
            }
        }
    }

    /** Packs a group's rows of alpha op(A), one reduction block of them. */
    private void pack(float alpha, boolean transposed, ReadableMatrix a, int block, int group) {
        int first = group * MatrixKernels.THIN_COLUMNS;
        int from = block * length;
        for (int i = 0; i < columns(group); i++) {
            for (int j = 0; j < length(block); j++) {
                float value = transposed ? a.get(from + j, first + i) : a.get(first + i, from + j);
                panel(block, group).set(FLOAT, cell(j, i), alpha * value);
            }
        }
    }

    private MemorySegment panel(int block, int group) {
        return panels.get(block * groups(c.rows()) + group);
    }

    /** How many of op(A)'s rows are in a group. */
    private int columns(int group) {
        return Math.min(MatrixKernels.THIN_COLUMNS, c.rows() - group * MatrixKernels.THIN_COLUMNS);
    }

    private int length(int block) {
        return Math.min(length, k - block * length);
    }

    @Override
    public void run(int task, int worker) {
        int first = task * ROWS_A_TASK;
        int count = Math.min(ROWS_A_TASK, b.rows() - first);
        int groups = Math.ceilDiv(count, MatrixKernels.STREAMS);
        int apart = isSpread() ? groups : 1;
        for (int group = 0; group < groups; group++) {
            int row = first + (isSpread() ? group : group * MatrixKernels.STREAMS);
            int rows = Math.min(MatrixKernels.STREAMS, Math.ceilDiv(first + count - row, apart));
            if (c.rows() == 1) {
                multiplyColumn(row, rows, apart, worker);
            } else {
                multiplyTile(row, rows, apart, worker);
            }
        }
    }

    /**
     * Whether the rows that are multiplied at once stand a group count apart, and not side by side: the next ones then follow each of them in
     * memory, and the processor fetches ahead. Where rows are widened first, it is one after another, and a group is better in one piece.
     */
    private boolean isSpread() {
        return switch (b) {
            case Matrix floats -> true;
            case HalfMatrix halves -> c.rows() == 1 && halves.format() == HalfMatrix.Format.BFLOAT16;
        };
    }

    private void multiplyTile(int row, int rows, int apart, int worker) {
        MemorySegment tile = tiles[worker];
        if (beta != 0) {
            fetch(row, rows, apart, tile);
        }
        switch (b) {
            case Matrix floats -> multiply(floats, row, rows, apart, worker);
            case HalfMatrix halves -> multiply(halves, row, rows, worker);
        }
        put(row, rows, apart, tile);
    }

    /** The same where op(A) is one row. */
    private void multiplyColumn(int row, int rows, int apart, int worker) {
        HalfMatrix.Format format = b instanceof HalfMatrix halves ? halves.format() : null;
        long stride = b.rowStride() * (format == null ? Float.BYTES : Short.BYTES);
        MemorySegment sums = tiles[worker];
        for (int i = 0; beta != 0 && i < rows; i++) {
            float old = c.segment().get(FLOAT, c.offset(0, row + i * apart));
            sums.set(FLOAT, i * (long) Float.BYTES, beta == 1 ? old : beta * old);
        }
        kernels.multiplyColumn(
                format,
                rows,
                k,
                length,
                b.segment(),
                b.offset(row, 0),
                apart * stride,
                column,
                sums,
                beta != 0,
                strips[worker]);
        for (int i = 0; i < rows; i++) {
            c.segment().set(FLOAT, c.offset(0, row + i * apart), sums.get(FLOAT, i * (long) Float.BYTES));
        }
    }

    private void multiply(Matrix floats, int row, int rows, int apart, int worker) {
        for (int block = 0; block * length < k; block++) {
            long from = floats.offset(row, block * length);
            multiply(rows, block, floats.segment(), from, apart * floats.rowStride() * Float.BYTES, worker);
        }
    }

    /** The rows widened first, as far as there is room: memory is read in long runs. */
    private void multiply(HalfMatrix halves, int row, int rows, int worker) {
        MemorySegment strip = strips[worker];
        int room = (int) (strip.byteSize() / Float.BYTES / MatrixKernels.STREAMS / length * length);
        long stride = (long) room * Float.BYTES;
        for (int from = 0; from < k; from += room) {
            int count = Math.min(room, k - from);
            kernels.widen(
                    halves.format(),
                    rows,
                    count,
                    halves.segment(),
                    halves.offset(row, from),
                    halves.rowStride() * Short.BYTES,
                    strip,
                    stride);
            for (int j = 0; j < count; j += length) {
                multiply(rows, (from + j) / length, strip, (long) j * Float.BYTES, stride, worker);
            }
        }
    }

    /** Some rows of a reduction block of B. */
    private void multiply(int rows, int block, MemorySegment source, long offset, long stride, int worker) {
        for (int group = 0; group < groups(c.rows()); group++) {
            kernels.multiplyRows(
                    rows,
                    length(block),
                    source,
                    offset,
                    stride,
                    panel(block, group),
                    columns(group),
                    tiles[worker],
                    group * TILE_BYTES,
                    block > 0 || beta != 0);
        }
    }

    /** tile(i, t) = beta C(t, row + i * apart). */
    private void fetch(int row, int rows, int apart, MemorySegment tile) {
        for (int t = 0; t < c.rows(); t++) {
            for (int i = 0; i < rows; i++) {
                float old = c.segment().get(FLOAT, c.offset(t, row + i * apart));
                tile.set(FLOAT, cell(i, t), beta == 1 ? old : beta * old);
            }
        }
    }

    /** C(t, row + i * apart) = tile(i, t). */
    private void put(int row, int rows, int apart, MemorySegment tile) {
        for (int t = 0; t < c.rows(); t++) {
            for (int i = 0; i < rows; i++) {
                c.segment().set(FLOAT, c.offset(t, row + i * apart), tile.get(FLOAT, cell(i, t)));
            }
        }
    }

    /** Where row i and column t of a thin panel, or of the tiles, lie. */
    private static long cell(int i, int t) {
        int group = t / MatrixKernels.THIN_COLUMNS;
        return group * TILE_BYTES + i * THIN_BYTES + t % MatrixKernels.THIN_COLUMNS * (long) Float.BYTES;
    }
}
