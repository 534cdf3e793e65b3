package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.Packing;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * dL/dx_t = the sum of the kept entries' dL/dz_v W_v, in their order, the target's last. A task is some tokens times a strip of columns; one
 * strip comes after the other, so that the rows of W which the tokens share are met in cache.
 */
final class SparseHiddenPass implements Workers.Task {

    /** Columns of a strip. */
    private static final int STRIP = 256;

    /** Tokens of a task. */
    private static final int TOKENS = 32;

    private final Chunk chunk;
    private final GradientEntries entries;

    /** Each worker's row on its way. */
    private final MemorySegment[] rows;

    private ReadableMatrix weight;
    private Smoothing smoothing;
    private Gradient output;

    SparseHiddenPass(Arena arena, Chunk chunk, GradientEntries entries) {
        this.chunk = chunk;
        this.entries = entries;
        rows = new MemorySegment[chunk.workers.size()];
        for (int w = 0; w < rows.length; w++) {
            rows[w] = Chunk.allocate(arena, STRIP);
        }
    }

    /** Bytes that it takes. */
    static long bytes(int workers) {
        return (long) workers * STRIP * Float.BYTES;
    }

    /**
     * Writes or adds the rows of dX of the chunk's tokens that are not dense.
     *
     * @param smoothing of the labels, or null for none
     */
    void run(ReadableMatrix weight, Smoothing smoothing, Gradient output) {
        this.weight = weight;
        this.smoothing = smoothing;
        this.output = output;
        chunk.workers.run(tasks() * Math.ceilDiv(chunk.width, STRIP), this);
        this.weight = null;
        this.output = null;
    }

    private int tasks() {
        return Math.ceilDiv(chunk.count, TOKENS);
    }

    @Override
    public void run(int task, int worker) {
        int column = task / tasks() * STRIP;
        int columns = Math.min(STRIP, chunk.width - column);
        int from = task % tasks() * TOKENS;
        for (int i = from; i < Math.min(from + TOKENS, chunk.count); i++) {
            if (!entries.isDense(i)) {
                add(i, column, columns, worker);
            }
        }
    }

    private void add(int i, int column, int columns, int worker) {
        MemorySegment row = rows[worker];
        multiply(i, column, columns, row, worker);
        if (smoothing != null) {
            smoothing.subtractFromHidden(i, column, columns, row, 0);
        }
        Packing.update(
                chunk.kernels.elements(),
                row,
                0,
                0,
                output.into(),
                chunk.tokens[i],
                column,
                1,
                columns,
                output.accumulate());
    }

    private void multiply(int i, int column, int columns, MemorySegment row, int worker) {
        switch (weight) {
            case Matrix floats ->
                chunk.kernels
                        .sparse()
                        .multiplyRow(
                                entries.starts[i],
                                entries.ends[i],
                                entries.rows,
                                entries.values,
                                columns,
                                floats.segment(),
                                floats.offset(0, column),
                                floats.rowStride() * Float.BYTES,
                                row,
                                0,
                                false);
            case HalfMatrix halves -> {
                Packing.repeat(0, row);
                for (int e = entries.starts[i]; e < entries.ends[i]; e++) {
                    Packing.addRow(
                            chunk.kernels,
                            chunk.strips[worker],
                            entries.values[e],
                            halves,
                            entries.rows[e],
                            column,
                            columns,
                            row,
                            0);
                }
            }
        }
    }
}
