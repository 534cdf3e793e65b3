package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.optim.SliceUpdate;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * dW = G^T X and db = the sum of G over the tokens, by reduction blocks of tokens that are added in order: of each, first what the
 * entries that are no targets contribute, then the targets' terms, which are mostly the largest. A task is a block of vocabulary
 * rows times some columns; the last blocks are cut into several, so that all workers end together.
 */
final class WeightGradientPass implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Rows of a task of the last blocks, if those are enough: fewer make reading X for each task felt. */
    private static final int ROWS_A_PIECE = Chunk.VOCABULARY_BLOCK / 8;

    private final Chunk chunk;
    private final SoftEntries soft;
    private final GradientEntries entries;
    private final Workers.Task packing = this::packTokens;
    private final Workers.Task updatingByZero = this::updateByZero;
    private final Workers.Task addingWaiting = this::addWaiting;
    private GradientScratch scratch;
    private Smoothing smoothing;
    private Matrix weight;
    private SliceUpdate update;
    private Gradient bias;
    private boolean wantsWeight;
    private boolean adds;
    private boolean first;
    private int wholeBlocks;
    private int rowsAPiece;
    private int panelsATask;

    /**
     * Plans the pass.
     *
     * @param entries of the blocks of tokens whose gradient is not dense, or null if all are
     */
    WeightGradientPass(Chunk chunk, SoftEntries soft, GradientEntries entries) {
        this.chunk = chunk;
        this.soft = soft;
        this.entries = entries;
    }

    /**
     * Adds the chunk's share to the rows of the window of vocabulary blocks.
     *
     * @param smoothing of the labels, or null for none
     * @param outputs where dW and db go, or what is done with dW
     * @param first whether this is the call's first chunk, which overwrites unless the output accumulates
     */
    void run(GradientScratch scratch, Smoothing smoothing, HeadOutputs outputs, boolean first) {
        this.scratch = scratch;
        this.smoothing = smoothing;
        weight = outputs.weight() == null ? null : outputs.weight().into();
        adds = outputs.weight() != null && outputs.weight().accumulate();
        update = outputs.weightUpdate();
        wantsWeight = weight != null || update != null;
        bias = outputs.bias();
        this.first = first;
        int panels = !wantsWeight ? 1 : chunk.tile.vectorPanels(chunk.width);
        wholeBlocks = chunk.wholeBlocks(scratch.endBlock() - scratch.firstBlock());
        rowsAPiece = ROWS_A_PIECE; // always a part of a vocabulary block
        while (rowTasks() < chunk.splits(1, Integer.MAX_VALUE) && rowsAPiece % (2 * chunk.tile.rows()) == 0) {
            rowsAPiece /= 2;
        }
        int columnTasks = chunk.splits(rowTasks(), panels);
        panelsATask = Math.ceilDiv(panels, columnTasks);
        try {
            if (wantsWeight && scratch.firstBlock() == 0) {
                chunk.workers.run(chunk.tokenBlocks(), packing);
            }
            chunk.workers.run(rowTasks() * (Math.ceilDiv(panels, panelsATask)), this);
        } finally {
            letGo();
            for (WeightSlice slice : scratch.slices) {
                slice.end();
            }
        }
    }

    private int rowTasks() {
        return wholeBlocks + Math.ceilDiv(endRow() - firstPiece(), rowsAPiece);
    }

    /** The first row that is not of a whole block. */
    private int firstPiece() {
        return Math.min(firstRow() + wholeBlocks * Chunk.VOCABULARY_BLOCK, endRow());
    }

    private int firstRow() {
        return chunk.row(scratch.firstBlock());
    }

    private int endRow() {
        return Math.min(chunk.row(scratch.endBlock()), chunk.vocabulary);
    }

    /** Makes the update's step with a gradient of zeros, which may decay. */
    void updateByZero(GradientScratch scratch, SliceUpdate update) {
        this.scratch = scratch;
        this.update = update;
        try {
            chunk.workers.run(chunk.vocabularyBlocks(), updatingByZero);
        } finally {
            letGo();
        }
    }

    /** Lets go of what the caller owns. */
    private void letGo() {
        weight = null;
        update = null;
        bias = null;
    }

    private void updateByZero(int block, int worker) {
        WeightSlice slice = scratch.slices[worker];
        slice.begin(null, chunk.row(block), 0);
        slice.matrix().fill(0);
        update.update(chunk.row(block), 0, chunk.rows(block), chunk.width, slice.matrix());
    }

    private void packTokens(int tokenBlock, int worker) {
        int token = tokenBlock * Chunk.TOKEN_BLOCK;
        int kc = Math.min(Chunk.TOKEN_BLOCK, chunk.count - token);
        if (isDense(tokenBlock)) {
            Packing.vector(
                    chunk.kernels.matrix(),
                    false,
                    chunk.hidden,
                    chunk.strips[worker],
                    chunk.hiddenRow + token,
                    kc,
                    0,
                    chunk.width,
                    scratch.tokenPanels,
                    scratch.tokenPanel(tokenBlock, 0));
        }
        if (smoothing != null) {
            smoothing.sumTokens(tokenBlock);
        }
    }

    @Override
    public void run(int task, int worker) {
        int fromPanel = task / rowTasks() * panelsATask;
        int block = task % rowTasks();
        if (block < wholeBlocks) {
            run(firstRow() + block * Chunk.VOCABULARY_BLOCK, Chunk.VOCABULARY_BLOCK, fromPanel, worker);
        } else {
            run(firstPiece() + (block - wholeBlocks) * rowsAPiece, rowsAPiece, fromPanel, worker);
        }
    }

    private void run(int row, int most, int fromPanel, int worker) {
        int rows = Math.min(most, endRow() - row);
        int fromColumn = fromPanel * chunk.tile.columns();
        WeightSlice slice = scratch.slices[worker];
        slice.begin(weight, row, fromColumn);
        int end = 0;
        for (int block = 0; block < chunk.tokenBlocks(); block = end) {
            end = block + 1;
            if (isDense(block)) {
                addDense(row, rows, block, fromPanel, slice, worker);
            } else {
                while (smoothing == null && end < chunk.tokenBlocks() && !isDense(end)) {
                    end++; // at once, which gives the same bits
                }
                addSparse(row, rows, block, end, fromPanel, slice);
            }
        }
        if (update != null) {
            update.update(row, fromColumn, rows, columns(fromPanel), slice.matrix());
        }
    }

    /** Adds the share of the tokens that have waited. */
    void runWaiting(HeadOutputs outputs, boolean first) {
        this.first = first;
        weight = outputs.weight() == null ? null : outputs.weight().into();
        adds = outputs.weight() != null && outputs.weight().accumulate();
        bias = outputs.bias();
        try {
            chunk.workers.run(chunk.vocabularyBlocks(), addingWaiting);
        } finally {
            letGo();
        }
    }

    private void addWaiting(int block, int worker) {
        int row = chunk.row(block);
        int rows = chunk.rows(block);
        int all = Integer.MAX_VALUE;
        if (weight != null) {
            long at = weight.offset(row, 0);
            long stride = weight.rowStride() * Float.BYTES;
            entries.addToWeight(row, rows, 0, all, 0, chunk.width, weight.segment(), at, stride, first && !adds);
        }
        if (bias != null) {
            entries.addToBias(row, rows, 0, all, bias.into(), first && !bias.accumulate());
        }
    }

    private boolean isDense(int tokenBlock) {
        return entries == null || entries.isDense(tokenBlock * Chunk.TOKEN_BLOCK);
    }

    /** Adds what a block of tokens contributes to some rows, from a column panel on. */
    private void addDense(int row, int rows, int block, int fromPanel, WeightSlice slice, int worker) {
        Panels panels = chunk.panels[worker];
        int token = block * Chunk.TOKEN_BLOCK;
        int kc = Math.min(Chunk.TOKEN_BLOCK, chunk.count - token);
        packGradient(row, rows, token, kc, panels);
        boolean begins = first && block == 0;
        if (bias != null && fromPanel == 0) {
            addBias(row, rows, kc, panels, scratch.tiles[worker], begins && !bias.accumulate());
        }
        if (wantsWeight) {
            int toPanel = Math.min(fromPanel + panelsATask, chunk.tile.vectorPanels(chunk.width));
            boolean accumulate = !begins || adds;
            for (int p = fromPanel; p < toPanel; p++) {
                multiply(row, rows, block, kc, p, panels, worker, accumulate);
            }
        }
        if (smoothing != null) {
            smooth(row, rows, block, fromPanel, slice);
        }
        if (soft != null) {
            int lanes = chunk.tile.columns();
            soft.addToWeight(
                    row,
                    rows,
                    token / lanes,
                    Math.ceilDiv(token + kc, lanes),
                    fromPanel * chunk.tile.columns(),
                    columns(fromPanel),
                    wantsWeight ? slice : null,
                    bias != null && fromPanel == 0 ? bias.into() : null);
        }
        addTargets(row, rows, token, kc, fromPanel, slice);
    }

    /** Adds what the kept entries of the tokens of some blocks contribute. */
    private void addSparse(int row, int rows, int fromBlock, int toBlock, int fromPanel, WeightSlice slice) {
        boolean begins = first && fromBlock == 0;
        int from = fromBlock * Chunk.TOKEN_BLOCK;
        int to = toBlock * Chunk.TOKEN_BLOCK;
        if (wantsWeight) {
            int column = fromPanel * chunk.tile.columns();
            long at = slice.offset(row, column);
            long stride = slice.matrix().rowStride() * Float.BYTES;
            boolean overwrite = begins && !adds;
            entries.addToWeight(
                    row, rows, from, to, column, columns(fromPanel), slice.segment(), at, stride, overwrite);
        }
        if (bias != null && fromPanel == 0) {
            entries.addToBias(row, rows, from, to, bias.into(), begins && !bias.accumulate());
        }
        if (smoothing != null) {
            smooth(row, rows, fromBlock, fromPanel, slice);
        }
    }

    /** Adds what smoothing takes from some rows, from a column panel on. */
    private void smooth(int row, int rows, int block, int fromPanel, WeightSlice slice) {
        int column = fromPanel * chunk.tile.columns();
        int columns = columns(fromPanel);
        float sum = bias != null && fromPanel == 0 ? smoothing.sumOfCoefficients(block) : 0;
        for (int i = row; i < row + rows; i++) {
            if (bias != null && fromPanel == 0) {
                smoothing.subtractFromBias(sum, i, bias.into());
            }
            if (wantsWeight) {
                smoothing.subtractFromWeight(block, i, column, columns, slice.segment(), slice.offset(i, column));
            }
        }
    }

    /** How many columns a task that begins with a panel has. */
    private int columns(int fromPanel) {
        int column = fromPanel * chunk.tile.columns();
        return Math.min(panelsATask * chunk.tile.columns(), chunk.width - column);
    }

    /** Adds the terms of the targets, of a block of tokens in order, to some rows from a column panel on. */
    private void addTargets(int row, int rows, int token, int kc, int fromPanel, WeightSlice slice) {
        int column = fromPanel * chunk.tile.columns();
        int columns = columns(fromPanel);
        for (int i = token; i < token + kc; i++) {
            int target = chunk.targets[i];
            if (target < row || target >= row + rows) {
                continue;
            }
            float gradient = chunk.targetGradients[i];
            if (bias != null && fromPanel == 0) {
                bias.into().set(0, target, bias.into().get(0, target) + gradient);
            }
            if (wantsWeight) {
                chunk.kernels
                        .elements()
                        .addScaled(
                                columns,
                                gradient,
                                chunk.hidden.segment(),
                                chunk.hidden.offset(chunk.hiddenRow + i, column),
                                slice.segment(),
                                slice.offset(target, column));
            }
        }
    }

    /** Turns rows of exponentials into G, and that from [group][row][NR] into broadcast panels, tokens being the ks. */
    private void packGradient(int row, int rows, int token, int kc, Panels panels) {
        int lanes = chunk.tile.columns();
        long rowBytes = (long) lanes * Float.BYTES;
        int block = row / Chunk.VOCABULARY_BLOCK;
        for (int group = token / lanes; group * lanes < token + kc; group++) {
            chunk.kernels
                    .matrix()
                    .interleave(
                            rows,
                            lanes,
                            scratch.exponentials(group, block),
                            (row - chunk.row(block)) * rowBytes,
                            rowBytes,
                            chunk.factors(),
                            chunk.statistics(block, group),
                            panels,
                            0,
                            group * lanes - token);
        }
    }

    private void addBias(int row, int rows, int kc, Panels panels, MemorySegment sums, boolean overwrite) {
        Matrix into = bias.into();
        int height = chunk.tile.rows();
        for (int i = 0; i < rows; i += height) {
            chunk.kernels.matrix().sumPanel(kc, panels.get(i / height), sums, 0);
            for (int j = i; j < Math.min(i + height, rows); j++) {
                float sum = sums.get(FLOAT, (j - i) * (long) Float.BYTES);
                into.set(0, row + j, overwrite ? sum : into.get(0, row + j) + sum);
            }
        }
    }

    private void multiply(int row, int rows, int block, int kc, int p, Panels panels, int worker, boolean accumulate) {
        MatrixKernels kernels = chunk.kernels.matrix();
        WeightSlice slice = scratch.slices[worker];
        Tile tile = chunk.tile;
        int column = p * tile.columns();
        int columns = Math.min(tile.columns(), chunk.width - column);
        MemorySegment b = scratch.tokenPanels.get(scratch.tokenPanel(block, p));
        int direct = columns == tile.columns() ? rows / tile.rows() : 0;
        if (direct > 0) {
            kernels.multiply(
                    panels,
                    0,
                    direct,
                    kc,
                    b,
                    slice.segment(),
                    slice.offset(row, column),
                    slice.matrix().rowStride() * Float.BYTES,
                    accumulate,
                    chunk.spares[worker]);
        }
        int done = direct * tile.rows();
        if (done < rows) {
            MemorySegment edge = scratch.tiles[worker];
            kernels.multiply(
                    panels,
                    direct,
                    tile.broadcastPanels(rows - done),
                    kc,
                    b,
                    edge,
                    0,
                    (long) tile.columns() * Float.BYTES,
                    false,
                    chunk.spares[worker]);
            Packing.update(
                    chunk.kernels.elements(),
                    edge,
                    0,
                    (long) tile.columns() * Float.BYTES,
                    slice.matrix(),
                    slice.row(row + done),
                    slice.column(column),
                    rows - done,
                    columns,
                    accumulate);
        }
    }
}
