package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.Packing;
import java.lang.foreign.MemorySegment;

/**
 * dX = G W, as dX^T = W^T G^T with tokens in lanes: chains of multiply-adds over a vocabulary block's exponentials, their ends times
 * the block's factors, sums of {@value Chunk#BLOCKS_A_SUM} blocks, and the sum of those, each in order. The target's term comes last:
 * it is mostly the largest, and each number added after it would cost what it rounds away.
 *
 * <p>The vocabulary is gone through in windows whose panels of W the workers pack together. A task is one group of tokens times some
 * columns of dX.
 */
final class HiddenGradientPass implements Workers.Task {

    private final Chunk chunk;
    private final SoftEntries soft;
    private final GradientEntries entries;
    private WeightPanels weight;
    private Gradient output;
    private GradientScratch scratch;
    private Smoothing smoothing;
    private int fromBlock;
    private int toBlock;
    private boolean keptRows;
    private int columnsATask;

    /**
     * Plans the pass.
     *
     * @param entries say which tokens' gradient is not dense, and left to {@link SparseHiddenPass}; null if none
     */
    HiddenGradientPass(Chunk chunk, SoftEntries soft, GradientEntries entries) {
        this.chunk = chunk;
        this.soft = soft;
        this.entries = entries;
    }

    /**
     * Adds what the window of vocabulary blocks contributes; after the last one, writes or adds the chunk's rows of dX.
     *
     * @param smoothing of the labels, or null for none
     * @param keptRows whether the targets' rows of W are taken from the scratch memory
     */
    void run(WeightPanels weight, GradientScratch scratch, Smoothing smoothing, boolean keptRows, Gradient output) {
        this.keptRows = keptRows;
        this.smoothing = smoothing;
        this.weight = weight;
        this.scratch = scratch;
        this.output = output;
        int pieces = Math.ceilDiv(chunk.width, Chunk.COLUMN_BLOCK);
        columnsATask = Math.ceilDiv(pieces, chunk.splits(chunk.groups, pieces)) * Chunk.COLUMN_BLOCK;
        for (fromBlock = scratch.firstBlock(); fromBlock < scratch.endBlock(); fromBlock = toBlock) {
            toBlock = weight.prepareColumns(fromBlock, scratch.endBlock());
            chunk.workers.run(chunk.groups * columnTasks(), this);
        }
        this.weight = null;
        this.output = null;
    }

    private int columnTasks() {
        return Math.ceilDiv(chunk.width, columnsATask);
    }

    @Override
    public void run(int task, int worker) {
        int group = task / columnTasks();
        if (entries != null && !entries.isDense(group * chunk.tile.columns())) {
            return;
        }
        int from = task % columnTasks() * columnsATask;
        int to = Math.min(from + columnsATask, chunk.width);
        for (int block = fromBlock; block < toBlock; block++) {
            for (int column = from; column < to; column += Chunk.COLUMN_BLOCK) {
                addBlock(block, group, column, worker);
            }
        }
        for (int column = from; toBlock == chunk.vocabularyBlocks() && column < to; column += Chunk.COLUMN_BLOCK) {
            finish(group, column, worker);
        }
    }

    private int columns(int from) {
        return Math.min(Chunk.COLUMN_BLOCK, chunk.width - from);
    }

    /** Adds what one vocabulary block contributes. */
    private void addBlock(int block, int group, int column, int worker) {
        int columns = columns(column);
        long at = scratch.hiddenGradient(group, column);
        MemorySegment product = scratch.tiles[worker];
        MemorySegment sum = block < Chunk.BLOCKS_A_SUM ? scratch.hiddenGradient : scratch.hiddenPart;
        chunk.kernels
                .matrix()
                .multiply(
                        weight.columns(),
                        weight.firstColumn(block, column),
                        chunk.tile.broadcastPanels(columns),
                        0,
                        chunk.rows(block),
                        scratch.exponentials(group, block),
                        product,
                        0,
                        (long) chunk.tile.columns() * Float.BYTES,
                        false,
                        chunk.spares[worker]);
        chunk.kernels
                .softmax()
                .scale(
                        columns,
                        product,
                        chunk.factors(),
                        chunk.statistics(block, group),
                        block % Chunk.BLOCKS_A_SUM > 0,
                        sum,
                        at);
        boolean ends = (block + 1) % Chunk.BLOCKS_A_SUM == 0 || block + 1 == chunk.vocabularyBlocks();
        if (ends && sum == scratch.hiddenPart) {
            chunk.kernels.elements().addScaled(columns * chunk.tile.columns(), 1, sum, at, scratch.hiddenGradient, at);
        }
    }

    /** Transposes a group's sums back, and adds the targets' terms. */
    private void finish(int group, int column, int worker) {
        MemorySegment rows = scratch.tiles[worker];
        int columns = columns(column);
        int count = chunk.tokensIn(group);
        long rowBytes = (long) Chunk.COLUMN_BLOCK * Float.BYTES;
        chunk.kernels
                .matrix()
                .transpose(
                        columns,
                        count,
                        scratch.hiddenGradient,
                        scratch.hiddenGradient(group, column),
                        (long) chunk.tile.columns() * Float.BYTES,
                        rows,
                        0,
                        rowBytes);
        for (int lane = 0; lane < count; lane++) {
            int index = group * chunk.tile.columns() + lane;
            if (smoothing != null) {
                smoothing.subtractFromHidden(index, column, columns, rows, lane * rowBytes);
            }
            if (soft != null) {
                soft.addToHidden(index, column, columns, rows, lane * rowBytes);
            }
            Packing.addRow(
                    chunk.kernels,
                    chunk.strips[worker],
                    chunk.targetGradients[index],
                    keptRows ? scratch.targetRows : weight.matrix(),
                    keptRows ? index : chunk.targets[index],
                    column,
                    columns,
                    rows,
                    lane * rowBytes);
            Packing.update(
                    chunk.kernels.elements(),
                    rows,
                    lane * rowBytes,
                    rowBytes,
                    output.into(),
                    chunk.tokens[index],
                    column,
                    1,
                    columns,
                    output.accumulate());
        }
    }
}
