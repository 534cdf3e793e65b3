package dev.panhead.head;

import dev.panhead.blas.Gemm;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;

/**
 * W as broadcast panels: the way the logits want it (vocabulary rows by d) and the way dX does (columns by vocabulary rows).
 *
 * <p>A small W is packed as a whole, once a call. Of a large one, each task packs the block it is at into its worker's panels.
 */
final class WeightPanels {

    /** A W whose panels of both kinds take no more than this is packed as a whole. */
    static final long MOST_BYTES = 64L << 20;

    private final Chunk chunk;

    /** [vocabulary block][width block][rows / MR] and [vocabulary block][d / MR]; null unless W is packed as a whole. */
    private final Panels rows;

    private final Panels columns;
    private final Workers.Task packing = this::pack;
    private Matrix weight;
    private boolean gradient;

    WeightPanels(Arena arena, Chunk chunk, boolean whole) {
        this.chunk = chunk;
        int blocks = chunk.vocabularyBlocks();
        rows = whole
                ? Panels.broadcast(
                        arena,
                        chunk.tile,
                        blocks * chunk.widthBlocks() * Chunk.VOCABULARY_BLOCK,
                        Math.min(chunk.width, Gemm.BLOCK))
                : null;
        columns = whole
                ? Panels.broadcast(
                        arena,
                        chunk.tile,
                        blocks * chunk.tile.broadcastPanels(chunk.width) * chunk.tile.rows(),
                        Chunk.VOCABULARY_BLOCK)
                : null;
    }

    /** Bytes of the panels of a W that is packed as a whole. */
    static long bytes(Tile tile, int vocabulary, int width) {
        long blocks = Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        long widthBlocks = Math.ceilDiv(width, Gemm.BLOCK);
        long logits = widthBlocks
                * tile.broadcastPanels(Chunk.VOCABULARY_BLOCK)
                * Tile.broadcastBytes(Math.min(width, Gemm.BLOCK));
        return blocks * (logits + tile.broadcastPanels(width) * Tile.broadcastBytes(Chunk.VOCABULARY_BLOCK));
    }

    /**
     * Takes a call's weight.
     *
     * @param gradient whether dX is wanted too
     */
    void begin(Matrix weight, boolean gradient) {
        this.weight = weight;
        this.gradient = gradient;
        if (rows != null) {
            chunk.workers.run(chunk.vocabularyBlocks(), packing);
        }
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
        packRows(block, widthBlock, chunk.panels[worker], 0);
        return chunk.panels[worker];
    }

    int firstRow(int block, int widthBlock) {
        return rows == null
                ? 0
                : (block * chunk.widthBlocks() + widthBlock) * chunk.tile.broadcastPanels(Chunk.VOCABULARY_BLOCK);
    }

    /** Panels of columns of W over a vocabulary block; those wanted begin with {@link #firstColumn}. */
    Panels columns(int block, int column, int count, int worker) {
        if (columns != null) {
            return columns;
        }
        packColumns(block, column, count, chunk.panels[worker], 0);
        return chunk.panels[worker];
    }

    int firstColumn(int block, int column) {
        return columns == null ? 0 : block * chunk.tile.broadcastPanels(chunk.width) + column / chunk.tile.rows();
    }

    private void pack(int block, int worker) {
        for (int widthBlock = 0; widthBlock < chunk.widthBlocks(); widthBlock++) {
            packRows(block, widthBlock, rows, firstRow(block, widthBlock));
        }
        if (gradient) {
            packColumns(block, 0, chunk.width, columns, firstColumn(block, 0));
        }
    }

    private void packRows(int block, int widthBlock, Panels panels, int first) {
        int k = widthBlock * Gemm.BLOCK;
        Packing.broadcast(
                chunk.kernels.matrix(),
                false,
                weight,
                1,
                chunk.row(block),
                chunk.rows(block),
                k,
                Math.min(Gemm.BLOCK, chunk.width - k),
                panels,
                first);
    }

    private void packColumns(int block, int column, int count, Panels panels, int first) {
        Packing.broadcast(
                chunk.kernels.matrix(),
                true,
                weight,
                1,
                column,
                count,
                chunk.row(block),
                chunk.rows(block),
                panels,
                first);
    }
}
