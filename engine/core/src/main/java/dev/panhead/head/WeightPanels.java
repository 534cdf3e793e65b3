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
 * large one, each task packs what it is at into its worker's own panels. They stay in that processor's second cache: panels that
 * another processor reads, or has read when they are written anew, are slow to get where the two share no cache.
 */
final class WeightPanels {

    /** A W whose panels of both kinds take no more than this is packed as a whole. */
    static final long MOST_BYTES = 64L << 20;

    /** The most columns that a task of dX packs of a vocabulary block: they fill some of a second cache. */
    static final int MOST_COLUMNS = 4 * Chunk.COLUMN_BLOCK;

    private final Chunk chunk;

    /** [vocabulary block][width block][rows / MR]; null unless W is packed as a whole. */
    private final Panels rows;

    /** [vocabulary block][d / MR] of a W that is packed as a whole; each worker's [columns / MR]; null until reserved. */
    private Panels[] columns;

    private final Workers.Task packingRows = this::packRows;
    private final Workers.Task packingColumns = this::packColumns;
    private final MemorySegment ones;
    private ReadableMatrix weight;
    private boolean packed;

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
    }

    /** Takes the memory that dX needs, before its first call writes anything. */
    void reserveColumns(Arena arena) {
        if (columns == null) {
            Panels[] all = new Panels[isWhole() ? 1 : chunk.workers.size()];
            int panels = isWhole()
                    ? chunk.vocabularyBlocks() * chunk.tile.broadcastPanels(chunk.width)
                    : chunk.tile.broadcastPanels(Math.min(chunk.width, MOST_COLUMNS));
            for (int i = 0; i < all.length; i++) {
                all[i] = Panels.broadcast(arena, chunk.tile, panels * chunk.tile.rows(), Chunk.VOCABULARY_BLOCK);
            }
            columns = all; // if the arena has no room for one of them, the next call asks for all again
        }
    }

    /** Bytes of some columns of a vocabulary block. */
    private static long columnBytes(int columns) {
        return Kernels.current().matrix().tile().broadcastPanels(columns) * Tile.broadcastBytes(Chunk.VOCABULARY_BLOCK);
    }

    /** Bytes of the panels, of a W that is packed as a whole or not. */
    static long bytes(int workers, int vocabulary, int width, boolean whole) {
        long scale = (long) Chunk.WIDTH_BLOCK * Float.BYTES;
        if (!whole) {
            return workers * columnBytes(Math.min(width, MOST_COLUMNS)) + scale;
        }
        long blocks = Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        long rowPanels = (long) Math.ceilDiv(width, Chunk.WIDTH_BLOCK)
                * Kernels.current().matrix().tile().broadcastPanels(Chunk.VOCABULARY_BLOCK);
        return blocks * (rowPanels * Tile.broadcastBytes(Math.min(width, Chunk.WIDTH_BLOCK)) + columnBytes(width))
                + scale;
    }

    /** Whether all workers have the same panels. */
    boolean isWhole() {
        return rows != null;
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

    /** Packs the columns of a W that is packed as a whole, unless that is done. */
    void prepareColumns() {
        if (isWhole() && !packed) {
            chunk.workers.run(chunk.vocabularyBlocks(), packingColumns);
            packed = true;
        }
    }

    /** Panels of {@code count} columns over a vocabulary block; those wanted begin with {@link #firstColumn}. */
    Panels columns(int block, int column, int count, int worker) {
        if (isWhole()) {
            return columns[0];
        }
        packColumns(block, column, count, worker, columns[worker], 0);
        return columns[worker];
    }

    int firstColumn(int block, int column) {
        return isWhole() ? block * chunk.tile.broadcastPanels(chunk.width) + column / chunk.tile.rows() : 0;
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

    private void packColumns(int block, int worker) {
        int panels = chunk.tile.broadcastPanels(chunk.width);
        packColumns(block, 0, chunk.width, worker, columns[0], block * panels);
    }

    private void packColumns(int block, int column, int count, int worker, Panels panels, int first) {
        Packing.broadcast(
                chunk.kernels.matrix(),
                true,
                weight,
                chunk.strips[worker],
                ones,
                column,
                count,
                chunk.row(block),
                chunk.rows(block),
                panels,
                first);
    }
}
