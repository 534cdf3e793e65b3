package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * W as broadcast panels: the way the logits want it (vocabulary rows by d) and the way dX does (columns by vocabulary rows).
 *
 * <p>A small W is packed as a whole, once a call: its rows when the call begins, its columns when the first chunk wants them. Of a
 * large one, a task of the logits packs the block it is at into its worker's panels, and the columns are packed by windows of some
 * vocabulary blocks.
 */
final class WeightPanels {

    /** A W whose panels of both kinds take no more than this is packed as a whole. */
    static final long MOST_BYTES = 64L << 20;

    /** A window of columns is about this large: it stays in the last level cache while each group of tokens meets it. */
    private static final long WINDOW_BYTES = 4L << 20;

    private final Chunk chunk;

    /** [vocabulary block][width block][rows / MR]; null unless W is packed as a whole. */
    private final Panels rows;

    /** [vocabulary block, from {@link #firstBlock} on][d / MR]; null until reserved. */
    private Panels columns;

    private int firstBlock;

    /** Vocabulary blocks of a window. */
    private final int window;

    private final Workers.Task packingRows = this::packRows;
    private final Workers.Task packingColumns = this::packColumns;
    private final MemorySegment ones;
    private ReadableMatrix weight;
    private boolean packed;
    private int columnsATask;

    WeightPanels(Arena arena, Chunk chunk, boolean whole) {
        this.chunk = chunk;
        ones = Chunk.allocate(arena, Chunk.WIDTH_BLOCK);
        Packing.repeat(1, ones);
        rows = whole
                ? Panels.broadcast(
                        arena,
                        chunk.tile,
                        chunk.vocabularyBlocks() * chunk.widthBlocks() * Chunk.VOCABULARY_BLOCK,
                        Math.min(chunk.width, Chunk.WIDTH_BLOCK))
                : null;
        window = window(chunk.vocabulary, chunk.width);
    }

    /** Takes the memory that dX needs, before its first call writes anything. */
    void reserveColumns(Arena arena) {
        if (columns == null) {
            int held = rows == null ? window : chunk.vocabularyBlocks();
            int panels = held * chunk.tile.broadcastPanels(chunk.width);
            columns = Panels.broadcast(arena, chunk.tile, panels * chunk.tile.rows(), Chunk.VOCABULARY_BLOCK);
        }
    }

    private static int window(int vocabulary, int width) {
        long most = Math.max(1, WINDOW_BYTES / columnBytes(width));
        return (int) Math.min(most, Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK));
    }

    /** Bytes of a vocabulary block's columns. */
    private static long columnBytes(int width) {
        return Kernels.current().matrix().tile().broadcastPanels(width) * Tile.broadcastBytes(Chunk.VOCABULARY_BLOCK);
    }

    /** Bytes of the panels, of a W that is packed as a whole or not. */
    static long bytes(int vocabulary, int width, boolean whole) {
        long scale = (long) Chunk.WIDTH_BLOCK * Float.BYTES;
        if (!whole) {
            return window(vocabulary, width) * columnBytes(width) + scale;
        }
        long blocks = Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        long rowPanels = (long) Math.ceilDiv(width, Chunk.WIDTH_BLOCK)
                * Kernels.current().matrix().tile().broadcastPanels(Chunk.VOCABULARY_BLOCK);
        return blocks * (rowPanels * Tile.broadcastBytes(Math.min(width, Chunk.WIDTH_BLOCK)) + columnBytes(width))
                + scale;
    }

    /** Takes a call's weight. */
    void begin(ReadableMatrix weight) {
        this.weight = weight;
        packed = false;
        if (rows != null) {
            chunk.workers.run(chunk.vocabularyBlocks() * chunk.widthBlocks(), packingRows);
        }
    }

    /** The call's weight as it lies. */
    ReadableMatrix matrix() {
        return weight;
    }

    /** Lets go of the call's weight. */
    void end() {
        weight = null;
    }

    /** Panels of a vocabulary block's rows in a block of d; those wanted begin with {@link #firstRow}. */
    Panels rows(int block, int widthBlock, int worker) {
        if (rows != null) {
            return rows;
        }
        packRows(block, widthBlock, worker, chunk.panels[worker], 0);
        return chunk.panels[worker];
    }

    int firstRow(int block, int widthBlock) {
        return rows == null
                ? 0
                : (block * chunk.widthBlocks() + widthBlock) * chunk.tile.broadcastPanels(Chunk.VOCABULARY_BLOCK);
    }

    /** Packs the columns over a window that begins with a vocabulary block, and returns where it ends, {@code limit} at the latest. */
    int prepareColumns(int block, int limit) {
        int end = Math.min(block + window, limit);
        if (rows == null) {
            firstBlock = block;
            packColumns(end - block);
        } else if (!packed) {
            packColumns(chunk.vocabularyBlocks());
            packed = true;
        }
        return end;
    }

    private void packColumns(int blocks) {
        int pieces = Math.ceilDiv(chunk.width, Chunk.COLUMN_BLOCK);
        columnsATask = Math.ceilDiv(pieces, chunk.splits(blocks, pieces)) * Chunk.COLUMN_BLOCK;
        chunk.workers.run(blocks * columnTasks(), packingColumns);
    }

    private int columnTasks() {
        return Math.ceilDiv(chunk.width, columnsATask);
    }

    /** Panels of columns of W over the vocabulary blocks of the window; those wanted begin with {@link #firstColumn}. */
    Panels columns() {
        return columns;
    }

    int firstColumn(int block, int column) {
        return (block - firstBlock) * chunk.tile.broadcastPanels(chunk.width) + column / chunk.tile.rows();
    }

    private void packRows(int task, int worker) {
        int block = task / chunk.widthBlocks();
        int widthBlock = task % chunk.widthBlocks();
        packRows(block, widthBlock, worker, rows, firstRow(block, widthBlock));
    }

    private void packRows(int block, int widthBlock, int worker, Panels panels, int first) {
        int k = widthBlock * Chunk.WIDTH_BLOCK;
        Packing.broadcast(
                chunk.kernels.matrix(),
                false,
                weight,
                chunk.strips[worker],
                ones,
                chunk.row(block),
                chunk.rows(block),
                k,
                Math.min(Chunk.WIDTH_BLOCK, chunk.width - k),
                panels,
                first);
    }

    private void packColumns(int task, int worker) {
        int block = firstBlock + task / columnTasks();
        int column = task % columnTasks() * columnsATask;
        Packing.broadcast(
                chunk.kernels.matrix(),
                true,
                weight,
                chunk.strips[worker],
                ones,
                column,
                Math.min(columnsATask, chunk.width - column),
                chunk.row(block),
                chunk.rows(block),
                columns,
                firstColumn(block, column));
    }
}
