package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import java.lang.foreign.MemorySegment;

/**
 * dX = G W, as dX^T = W^T G^T with tokens in lanes: chains of multiply-adds over a vocabulary block, sums of {@value
 * Chunk#BLOCKS_A_SUM} blocks, and the sum of those, each in order. A task is a block of columns of dX times some groups of tokens.
 */
final class HiddenGradientPass implements Workers.Task {

    private final Chunk chunk;
    private WeightPanels weight;
    private Gradient output;
    private GradientScratch scratch;
    private int groupsATask;

    HiddenGradientPass(Chunk chunk) {
        this.chunk = chunk;
    }

    /** Writes, or adds, the chunk's rows of dX. */
    void run(WeightPanels weight, GradientScratch scratch, Gradient output) {
        this.weight = weight;
        this.scratch = scratch;
        this.output = output;
        int splits = chunk.splits(columnBlocks(), chunk.groups);
        groupsATask = Math.ceilDiv(chunk.groups, splits);
        splits = Math.ceilDiv(chunk.groups, groupsATask);
        chunk.workers.run(columnBlocks() * splits, this);
        this.weight = null;
        this.output = null;
    }

    private int columnBlocks() {
        return Math.ceilDiv(chunk.width, Chunk.COLUMN_BLOCK);
    }

    @Override
    public void run(int task, int worker) {
        int column = task % columnBlocks() * Chunk.COLUMN_BLOCK;
        int columns = Math.min(Chunk.COLUMN_BLOCK, chunk.width - column);
        int from = task / columnBlocks() * groupsATask;
        int to = Math.min(from + groupsATask, chunk.groups);
        MatrixKernels kernels = chunk.kernels.matrix();
        long rowBytes = (long) chunk.tile.columns() * Float.BYTES;
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            Panels panels = weight.columns(block, column, columns, worker);
            int first = weight.firstColumn(block, column);
            MemorySegment sum = block < Chunk.BLOCKS_A_SUM ? scratch.hiddenGradient : scratch.hiddenPart;
            for (int group = from; group < to; group++) {
                kernels.multiply(
                        panels,
                        first,
                        chunk.tile.broadcastPanels(columns),
                        chunk.rows(block),
                        scratch.block(group, block),
                        sum,
                        scratch.hiddenGradient(group, column),
                        rowBytes,
                        block % Chunk.BLOCKS_A_SUM > 0,
                        chunk.spares[worker]);
            }
            boolean ends = (block + 1) % Chunk.BLOCKS_A_SUM == 0 || block + 1 == chunk.vocabularyBlocks();
            if (ends && sum == scratch.hiddenPart) {
                for (int group = from; group < to; group++) {
                    long at = scratch.hiddenGradient(group, column);
                    chunk.kernels.elements().add(columns * chunk.tile.columns(), sum, at, scratch.hiddenGradient, at);
                }
            }
        }
        for (int group = from; group < to; group++) {
            transposeBack(group, column, columns, scratch.edges[worker]);
        }
    }

    private void transposeBack(int group, int column, int columns, MemorySegment rows) {
        int count = chunk.tokensIn(group);
        chunk.kernels
                .matrix()
                .transpose(
                        columns,
                        count,
                        1,
                        scratch.hiddenGradient,
                        scratch.hiddenGradient(group, column),
                        (long) chunk.tile.columns() * Float.BYTES,
                        rows,
                        0,
                        (long) Chunk.COLUMN_BLOCK * Float.BYTES);
        for (int lane = 0; lane < count; lane++) {
            int token = chunk.tokens[group * chunk.tile.columns() + lane];
            Packing.update(
                    rows,
                    lane * Chunk.COLUMN_BLOCK,
                    Chunk.COLUMN_BLOCK,
                    output.into(),
                    token,
                    column,
                    1,
                    columns,
                    output.accumulate());
        }
    }
}
