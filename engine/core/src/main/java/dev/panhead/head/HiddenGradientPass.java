package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * dX = G W, as dX^T = W^T G^T with tokens in lanes: chains of multiply-adds over a vocabulary block's exponentials, their ends times
 * the block's factors, sums of {@value Chunk#BLOCKS_A_SUM} blocks, and the sum of those, each in order. The target's term comes last:
 * it is mostly the largest, and each number added after it would cost what it rounds away.
 *
 * <p>A task is some columns of dX times some groups of tokens, and takes all of them through one vocabulary block after the other, so
 * that the block's columns of W come from afar but once. If they are packed for all workers, the groups are split among the tasks; if each
 * task packs them for itself, the columns. Such tasks are few and long: a worker for whom none is left takes groups from the others' tasks,
 * one after the other, and goes on with each from the block that it has come to.
 */
final class HiddenGradientPass implements Workers.Task {

    /** Fewer panels of columns than this make reading the exponentials for each task felt. */
    private static final int FEWEST_PANELS = 4;

    /** The most sums that a task returns to with each vocabulary block: they fill some of a second cache, beside the block's columns. */
    private static final int MOST_SUMS = 1 << 16;

    /** In place of the next block, where a worker is at one, or has taken the group from another. */
    private static final int HELD = -1;

    private final Chunk chunk;
    private final WeightPanels weight;
    private final SoftEntries soft;
    private final GradientEntries entries;

    /** Which vocabulary block comes next for a task's columns of a group: [columns][group]. */
    private final AtomicIntegerArray next;

    private final AtomicInteger begun = new AtomicInteger();
    private Gradient output;
    private GradientScratch scratch;
    private Smoothing smoothing;
    private boolean keptRows;
    private int columnsATask;
    private int groupsATask;

    /**
     * Plans the pass.
     *
     * @param entries say which tokens' gradient is not dense, and left to {@link SparseHiddenPass}; null if none
     */
    HiddenGradientPass(Chunk chunk, WeightPanels weight, SoftEntries soft, GradientEntries entries) {
        this.chunk = chunk;
        this.weight = weight;
        this.soft = soft;
        this.entries = entries;
        int groups = chunk.capacity / chunk.tile.columns();
        if (weight.isWhole()) {
            next = new AtomicIntegerArray(
                    groups + chunk.splits(1, Integer.MAX_VALUE)); // columns are split if groups are few
        } else {
            splitColumns();
            next = new AtomicIntegerArray(columnTasks() * groups);
        }
    }

    /**
     * Adds what the window of vocabulary blocks contributes; after the last one, writes or adds the chunk's rows of dX.
     *
     * @param smoothing of the labels, or null for none
     * @param keptRows whether the targets' rows of W are taken from the scratch memory
     */
    void run(GradientScratch scratch, Smoothing smoothing, boolean keptRows, Gradient output) {
        this.keptRows = keptRows;
        this.smoothing = smoothing;
        this.scratch = scratch;
        this.output = output;
        split();
        for (int i = 0; i < columnTasks() * chunk.groups; i++) {
            next.set(i, scratch.firstBlock());
        }
        begun.set(0);
        try {
            weight.prepareColumns();
            chunk.workers.run(tasks(), this);
        } finally {
            this.output = null;
        }
    }

    private void split() {
        int workers = chunk.workers.size();
        if (weight.isWhole()) {
            int pieces = Math.ceilDiv(chunk.width, Chunk.COLUMN_BLOCK);
            columnsATask = Math.ceilDiv(pieces, chunk.splits(chunk.groups, pieces)) * Chunk.COLUMN_BLOCK;
            int share = Math.ceilDiv(chunk.groups, workers);
            groupsATask =
                    Math.clamp(MOST_SUMS / (Math.min(columnsATask, chunk.width) * chunk.tile.columns()), 1, share);
        } else {
            groupsATask = Math.ceilDiv(chunk.groups, Math.min(Math.ceilDiv(workers, columnTasks()), chunk.groups));
        }
    }

    /** Splits the columns, if each task packs its own. */
    private void splitColumns() {
        int workers = chunk.workers.size();
        int panels = chunk.tile.broadcastPanels(chunk.width);
        int fewest = Math.ceilDiv(chunk.width, WeightPanels.MOST_COLUMNS);
        int even = Math.ceilDiv(fewest, workers) * workers; // as many for each worker
        int tasks = Math.clamp(even, fewest, Math.max(fewest, panels / FEWEST_PANELS));
        columnsATask = Math.ceilDiv(panels, tasks) * chunk.tile.rows();
    }

    private int columnTasks() {
        return Math.ceilDiv(chunk.width, columnsATask);
    }

    private int tasks() {
        return columnTasks() * Math.ceilDiv(chunk.groups, groupsATask);
    }

    @Override
    public void run(int task, int worker) {
        begun.incrementAndGet();
        int columnTask = task % columnTasks();
        int firstGroup = task / columnTasks() * groupsATask;
        int endGroup = Math.min(firstGroup + groupsATask, chunk.groups);
        int end = anyDense(firstGroup, endGroup) ? scratch.endBlock() : scratch.firstBlock();
        for (int block = scratch.firstBlock(); block < end; block++) {
            Panels panels = columns(block, columnTask, worker);
            for (int group = firstGroup; group < endGroup; group++) {
                int i = columnTask * chunk.groups + group;
                if (isDense(group) && next.compareAndSet(i, block, HELD)) {
                    addBlock(block, group, columnTask, panels, worker);
                    next.set(i, block + 1);
                }
            }
        }
        for (int i = columnTasks() * chunk.groups - 1; i >= 0 && begun.get() == tasks(); i--) {
            help(i, worker);
        }
    }

    /** Takes the columns of a group from the worker whose task they are, unless it is at them right now or done with them. */
    private void help(int i, int worker) {
        int columnTask = i / chunk.groups;
        int group = i % chunk.groups;
        int first = next.get(i);
        int end = scratch.endBlock();
        if (isDense(group) && first != HELD && first < end && next.compareAndSet(i, first, HELD)) {
            for (int block = first; block < end; block++) {
                addBlock(block, group, columnTask, columns(block, columnTask, worker), worker);
            }
        }
    }

    /** W's columns that a task wants of a vocabulary block. */
    private Panels columns(int block, int columnTask, int worker) {
        int from = columnTask * columnsATask;
        return weight.columns(block, from, endColumn(columnTask) - from, worker);
    }

    private int endColumn(int columnTask) {
        return Math.min((columnTask + 1) * columnsATask, chunk.width);
    }

    /** Adds what one vocabulary block contributes to a task's columns of a group; after the last block, writes them. */
    private void addBlock(int block, int group, int columnTask, Panels panels, int worker) {
        int from = columnTask * columnsATask;
        int to = endColumn(columnTask);
        int panel = weight.firstColumn(block, from);
        for (int column = from; column < to; column += Chunk.COLUMN_BLOCK) {
            int columns = Math.min(Chunk.COLUMN_BLOCK, to - column);
            addBlock(block, group, column, columns, panels, panel, worker);
            panel += chunk.tile.broadcastPanels(columns);
            if (block + 1 == chunk.vocabularyBlocks()) {
                finish(group, column, columns, worker);
            }
        }
    }

    private boolean isDense(int group) {
        return entries == null || entries.isDense(group * chunk.tile.columns());
    }

    private boolean anyDense(int group, int end) {
        while (group < end && !isDense(group)) {
            group++;
        }
        return group < end;
    }

    /** The same for one block of columns. */
    private void addBlock(int block, int group, int column, int columns, Panels panels, int panel, int worker) {
        long at = scratch.hiddenGradient(group, column);
        MemorySegment sum = block < Chunk.BLOCKS_A_SUM ? scratch.hiddenGradient : scratch.hiddenPart;
        chunk.kernels
                .matrix()
                .multiply(
                        panels,
                        panel,
                        chunk.tile.broadcastPanels(columns),
                        chunk.rows(block),
                        scratch.exponentials(group, block),
                        chunk.factors(),
                        chunk.statistics(block, group),
                        sum,
                        at,
                        (long) chunk.tile.columns() * Float.BYTES,
                        block % Chunk.BLOCKS_A_SUM > 0,
                        chunk.spares[worker]);
        boolean ends = (block + 1) % Chunk.BLOCKS_A_SUM == 0 || block + 1 == chunk.vocabularyBlocks();
        if (ends && sum == scratch.hiddenPart) {
            chunk.kernels.elements().addScaled(columns * chunk.tile.columns(), 1, sum, at, scratch.hiddenGradient, at);
        }
    }

    /** Transposes a group's sums back, and adds the targets' terms. */
    private void finish(int group, int column, int columns, int worker) {
        MemorySegment rows = scratch.tiles[worker];
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
