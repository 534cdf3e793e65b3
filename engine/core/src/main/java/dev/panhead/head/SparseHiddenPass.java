package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.Packing;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * dL/dx_t = the sum of the kept entries' dL/dz_v W_v, in the order of the vocabulary. It goes through the rows of W one after the other, so
 * that they are read once from memory, and adds each to the tokens that have an entry there: a task is a strip of columns, so narrow that
 * all tokens' stay in the second cache.
 */
final class SparseHiddenPass implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Columns of a strip. */
    private static final int STRIP = 128;

    private final Chunk chunk;
    private final GradientEntries entries;

    /** Each worker's strip of dX. */
    private final MemorySegment[] strips;

    private ReadableMatrix weight;
    private Smoothing smoothing;
    private Gradient output;

    SparseHiddenPass(Arena arena, Chunk chunk, GradientEntries entries) {
        this.chunk = chunk;
        this.entries = entries;
        strips = new MemorySegment[chunk.workers.size()];
        for (int w = 0; w < strips.length; w++) {
            strips[w] = Chunk.allocate(arena, (long) entries.capacity() * STRIP);
        }
    }

    /** Bytes that it takes for so many tokens. */
    static long bytes(int workers, int capacity) {
        return (long) workers * capacity * STRIP * Float.BYTES;
    }

    /**
     * Writes or adds the rows of dX of the tokens whose entries are sorted, but for those that are dense.
     *
     * @param smoothing of the labels, or null for none; it goes with the chunk's tokens only
     */
    void run(ReadableMatrix weight, Smoothing smoothing, Gradient output) {
        this.weight = weight;
        this.smoothing = smoothing;
        this.output = output;
        try {
            chunk.workers.run(Math.ceilDiv(chunk.width, STRIP), this);
        } finally {
            this.weight = null;
            this.output = null;
        }
    }

    @Override
    public void run(int task, int worker) {
        int column = task * STRIP;
        int columns = Math.min(STRIP, chunk.width - column);
        MemorySegment strip = strips[worker];
        for (int n = 0; n < entries.sorted(); n++) {
            clear(strip, at(n, columns), at(n, columns) + columns * (long) Float.BYTES);
        }
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            addRows(chunk.row(block), chunk.rows(block), column, columns, worker);
        }
        for (int n = 0; n < entries.sorted(); n++) {
            if (!entries.isLeftOut(n)) {
                finish(n, column, columns, strip);
            }
        }
    }

    /** Where a sorted token's part of a strip lies. */
    private long at(int n, int columns) {
        return (long) entries.indexOf(n) * columns * Float.BYTES;
    }

    private static void clear(MemorySegment floats, long from, long to) {
        for (long o = from; o < to; o += Float.BYTES) {
            floats.set(FLOAT, o, 0);
        }
    }

    private void addRows(int row, int rows, int column, int columns, int worker) {
        switch (weight) {
            case Matrix floats -> {
                long stride = floats.rowStride() * Float.BYTES;
                addRows(row, rows, columns, floats.segment(), floats.offset(row, column), stride, strips[worker]);
            }
            case HalfMatrix halves -> {
                MemorySegment widened = chunk.strips[worker];
                long stride = columns * (long) Float.BYTES;
                int step = (int) (widened.byteSize() / stride);
                for (int v = row; v < row + rows; v += step) {
                    int held = Math.min(step, row + rows - v);
                    chunk.kernels
                            .matrix()
                            .widen(
                                    halves.format(),
                                    held,
                                    columns,
                                    halves.segment(),
                                    halves.offset(v, column),
                                    halves.rowStride() * Short.BYTES,
                                    widened,
                                    stride);
                    addRows(v, held, columns, widened, 0, stride, strips[worker]);
                }
            }
        }
    }

    private void addRows(
            int row, int rows, int columns, MemorySegment source, long at, long stride, MemorySegment strip) {
        entries.addToHidden(row, rows, columns, source, at, stride, strip, 0, columns * (long) Float.BYTES);
    }

    private void finish(int n, int column, int columns, MemorySegment strip) {
        long at = at(n, columns);
        if (smoothing != null) {
            smoothing.subtractFromHidden(n, column, columns, strip, at);
        }
        Packing.update(
                chunk.kernels.elements(),
                strip,
                at,
                0,
                output.into(),
                entries.tokenOf(n),
                column,
                1,
                columns,
                output.accumulate());
    }
}
