package dev.panhead.math;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.ElementKernels;
import dev.panhead.kernel.Kernels;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Operations on whole rows of matrices: embedding look-up and its gradient, bias and its gradient. The same bits for any number
 * of workers and any vector width. One call at a time; a call allocates nothing on the heap. Every method throws {@link
 * IllegalArgumentException} if the shapes do not fit, what is written is read-only or shares memory with what is read, or a
 * matrix belongs to a confined arena and there are more workers than one.
 */
public final class Rows {

    /** Rows whose sums are added up before they join the total of {@link #columnSums}. */
    private static final int BLOCK = 256;

    private static final int COLUMNS_A_TASK = 64;

    private final OneCall call = new OneCall("these operations");
    private final Workers workers;
    private final ElementKernels kernels = Kernels.current().elements();
    private final Workers.Task gathering = this::gatherBlock;
    private final Workers.Task scattering = this::scatterShare;
    private final Workers.Task summing = this::sumColumns;
    private final Workers.Task adding = this::addBlock;
    private Matrix source;
    private Matrix result;
    private Ints indices;
    private boolean accumulate;

    /** Operations done by these workers. */
    public Rows(Workers workers) {
        this.workers = Objects.requireNonNull(workers, "workers");
    }

    /**
     * Row i of {@code out} becomes row {@code indices(i)} of the table.
     *
     * @param table N x d
     * @param indices n of them
     * @param out n x d
     * @throws IndexOutOfBoundsException if an index is not a row of the table; nothing is written then
     */
    public void gather(Matrix table, Ints indices, Matrix out) {
        out.requireShape("out", indices.size(), table.columns());
        checkIndices(indices, table.rows());
        begin(table, out, indices);
        run(RowBlocks.count(out), gathering);
    }

    private void gatherBlock(int index, int worker) {
        int from = index * RowBlocks.rows(result);
        int to = RowBlocks.end(result, index);
        for (int row = from; row < to; row++) {
            MemorySegment.copy(
                    source.segment(),
                    source.offset(indices.get(row), 0),
                    result.segment(),
                    result.offset(row, 0),
                    (long) source.columns() * Float.BYTES);
        }
    }

    /**
     * Adds row i of {@code rows} to row {@code indices(i)} of the table, for each row of the table in ascending i.
     *
     * @param rows n x d
     * @param indices n of them
     * @param table N x d
     * @throws IndexOutOfBoundsException if an index is not a row of the table; nothing is written then
     */
    public void scatterAdd(Matrix rows, Ints indices, Matrix table) {
        rows.requireShape("rows", indices.size(), table.columns());
        checkIndices(indices, table.rows());
        begin(rows, table, indices);
        run(workers.size(), scattering);
    }

    private void scatterShare(int share, int worker) {
        for (int row = 0; row < source.rows(); row++) {
            int into = indices.get(row);
            if (into % workers.size() == share) {
                kernels.addScaled(
                        source.columns(),
                        1,
                        source.segment(),
                        source.offset(row, 0),
                        result.segment(),
                        result.offset(into, 0));
            }
        }
    }

    /**
     * {@code sums}(c) = the sum of column c, in ascending order within blocks of {@value #BLOCK} rows, the blocks added in order.
     *
     * @param matrix n x d
     * @param sums 1 x d
     * @param accumulate whether to add to what {@code sums} holds
     */
    public void columnSums(Matrix matrix, Matrix sums, boolean accumulate) {
        sums.requireShape("sums", 1, matrix.columns());
        begin(matrix, sums, null);
        this.accumulate = accumulate;
        run(Math.ceilDiv(matrix.columns(), COLUMNS_A_TASK), summing);
    }

    private void sumColumns(int index, int worker) {
        int column = index * COLUMNS_A_TASK;
        kernels.columnSums(
                source.rows(),
                Math.min(COLUMNS_A_TASK, source.columns() - column),
                BLOCK,
                source.segment(),
                source.offset(0, column),
                source.rowStride() * Float.BYTES,
                result.segment(),
                result.offset(0, column),
                accumulate);
    }

    /**
     * Adds one row to each row of a matrix.
     *
     * @param row 1 x d
     * @param matrix n x d
     */
    public void addRow(Matrix row, Matrix matrix) {
        row.requireShape("row", 1, matrix.columns());
        begin(row, matrix, null);
        run(RowBlocks.count(matrix), adding);
    }

    private void addBlock(int index, int worker) {
        int from = index * RowBlocks.rows(result);
        int to = RowBlocks.end(result, index);
        for (int row = from; row < to; row++) {
            kernels.addScaled(result.columns(), 1, source.segment(), 0, result.segment(), result.offset(row, 0));
        }
    }

    private void begin(Matrix source, Matrix result, Ints indices) {
        workers.requireReadable("the source", source.segment());
        workers.requireWritable("the result", result.segment());
        result.requireApart("the result", "the source", source);
        if (indices != null) {
            workers.requireReadable("indices", indices.segment());
            result.requireApart("the result", "indices", indices);
        }
        call.begin();
        this.source = source;
        this.result = result;
        this.indices = indices;
    }

    private void run(int count, Workers.Task task) {
        try {
            workers.runToEnd(count, task);
        } finally {
            source = null;
            result = null;
            indices = null;
            call.end();
        }
    }

    private static void checkIndices(Ints indices, int rows) {
        for (int i = 0; i < indices.size(); i++) {
            int index = indices.get(i);
            if (index < 0 || index >= rows) {
                throw new IndexOutOfBoundsException(
                        "index " + i + " is " + index + ", but the table has " + rows + " rows");
            }
        }
    }
}
