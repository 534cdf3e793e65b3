package dev.panhead.head;

import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The scratch memory that only gradients need; taken when the first are asked for. The logits' exponentials are kept for a window of
 * vocabulary blocks: all of them, or, to save memory, a few, whose logits are then computed again.
 */
final class GradientScratch {

    /** The most vocabulary blocks of a window that is not all of them. */
    static final int WINDOW_BLOCKS = 8;

    /** The logits' exponentials, relative to their block's maximum, 0 for targets: [group][block of the window], each [rows][NR]. */
    private final MemorySegment[] exponentials;

    /** dX^T: [group][whole tiles' rows that hold d][NR]. */
    final MemorySegment hiddenGradient;

    /** The same, of the vocabulary blocks that are being added up before they join it; null if there is but one such sum. */
    final MemorySegment hiddenPart;

    /** X as vector panels: [token block][d / NR][tokens][NR]. */
    final Panels tokenPanels;

    /** Each worker's tiles on their way: one that leaves its matrix, or is transposed. */
    final MemorySegment[] tiles;

    /** Each worker's slice of dW, with memory of its own if W is updated slice by slice. */
    final WeightSlice[] slices;

    /** The targets' rows of W, which may have been updated when dX wants them; null if W is not, or not before. */
    final Matrix targetRows;

    private final Chunk chunk;
    private final int window;
    private int firstBlock;

    /**
     * Takes the memory.
     *
     * @param window vocabulary blocks of a window
     * @param updates whether W may be updated slice by slice
     */
    GradientScratch(Arena arena, Chunk chunk, int window, boolean updates) {
        this.chunk = chunk;
        this.window = window;
        Tile tile = chunk.tile;
        long sums = chunk.capacity * hiddenRows(tile, chunk.width);
        hiddenGradient = Chunk.allocate(arena, sums);
        hiddenPart = chunk.vocabularyBlocks() > Chunk.BLOCKS_A_SUM ? Chunk.allocate(arena, sums) : null;
        int tokens = Math.min(chunk.capacity, Chunk.TOKEN_BLOCK);
        tokenPanels = Panels.vector(arena, tile, chunk.capacity / tokens * tile.vectorPanels(chunk.width), tokens);
        MemorySegment whole = Chunk.allocate(arena, (long) chunk.capacity * windowRows(chunk.vocabulary, window));
        exponentials = new MemorySegment[chunk.capacity / tile.columns() * window];
        long at = 0;
        for (int i = 0; i < exponentials.length; i++) {
            long bytes = tile.vectorBytes(chunk.rows(i % window)); // all rows have as many, but for the last block's
            exponentials[i] = whole.asSlice(at, bytes);
            at += bytes;
        }
        tiles = new MemorySegment[chunk.workers.size()];
        slices = new WeightSlice[chunk.workers.size()];
        for (int w = 0; w < tiles.length; w++) {
            tiles[w] = arena.allocate(tileBytes(tile), Matrix.ALIGNMENT);
            slices[w] =
                    new WeightSlice(updates ? Matrix.allocate(arena, sliceRows(chunk.vocabulary), chunk.width) : null);
        }
        targetRows = updates && !isWhole() ? Matrix.allocate(arena, chunk.capacity, chunk.width) : null;
        chunk.workers.requireReadable("the scratch memory", whole);
    }

    private static int windowRows(int vocabulary, int window) {
        return Math.min(vocabulary, window * Chunk.VOCABULARY_BLOCK);
    }

    /** Bytes that the scratch of a chunk takes, with windows of some vocabulary blocks. */
    static long bytes(int workers, int capacity, int vocabulary, int width, int window, boolean updates) {
        Tile tile = Kernels.current().matrix().tile();
        long columns = windowRows(vocabulary, window)
                + 2 * hiddenRows(tile, width)
                + tile.vectorPanels(width) * tile.columns();
        long each = tileBytes(tile);
        if (updates) {
            each += (long) sliceRows(vocabulary) * width * Float.BYTES;
            columns += windowRows(vocabulary, window) < vocabulary ? width : 0;
        }
        return columns * capacity * Float.BYTES + workers * each;
    }

    /** Rows of a group's dX^T. */
    private static long hiddenRows(Tile tile, int width) {
        return (long) tile.broadcastPanels(width) * tile.rows();
    }

    private static int sliceRows(int vocabulary) {
        return Math.min(vocabulary, Chunk.VOCABULARY_BLOCK);
    }

    /** Tiles of dW that leave the matrix have a vocabulary block's rows at most; dX is transposed by fewer columns. */
    private static long tileBytes(Tile tile) {
        return (long) Chunk.VOCABULARY_BLOCK * tile.columns() * Float.BYTES;
    }

    /** Offset of a group's dX^T from a hidden dimension on. */
    long hiddenGradient(int group, int column) {
        return (group * hiddenRows(chunk.tile, chunk.width) + column) * chunk.tile.columns() * Float.BYTES;
    }

    /** Whether the window is the whole vocabulary. */
    boolean isWhole() {
        return window == chunk.vocabularyBlocks();
    }

    /** Moves the window to where it begins with a vocabulary block. */
    void moveTo(int block) {
        firstBlock = block;
    }

    /** The window's vocabulary blocks, from (inclusive) to (exclusive). */
    int firstBlock() {
        return firstBlock;
    }

    int endBlock() {
        return Math.min(firstBlock + window, chunk.vocabularyBlocks());
    }

    /** A group's exponentials of one vocabulary block of the window. */
    MemorySegment exponentials(int group, int block) {
        return exponentials[group * window + block - firstBlock];
    }

    /** Which panel of X a token block's is. */
    int tokenPanel(int tokenBlock, int panel) {
        return tokenBlock * chunk.tile.vectorPanels(chunk.width) + panel;
    }
}
