package dev.panhead.head;

import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The scratch memory that only gradients need; taken when the first are asked for. */
final class GradientScratch {

    /** Logits, then exponentials, then the logits' gradient G: [group][V, rounded up to whole tiles][NR]. */
    final MemorySegment logits;

    /** The same, cut into [group][vocabulary block]. */
    private final MemorySegment[] blocks;

    /** dX^T: [group][d, rounded up to whole tiles][NR]. */
    final MemorySegment hiddenGradient;

    /** The same, of the vocabulary blocks that are being added up before they join it; null if there is but one such sum. */
    final MemorySegment hiddenPart;

    /** X as vector panels: [token block][d / NR][tokens][NR]. */
    final Panels tokenPanels;

    /** Each worker's tiles that leave the matrix they belong to, or are to be transposed. */
    final MemorySegment[] edges;

    private final Chunk chunk;

    GradientScratch(Arena arena, Chunk chunk) {
        this.chunk = chunk;
        Tile tile = chunk.tile;
        logits = Chunk.allocate(arena, (long) chunk.capacity * rows(chunk.vocabulary, tile));
        hiddenGradient = Chunk.allocate(arena, (long) chunk.capacity * rows(chunk.width, tile));
        hiddenPart = chunk.vocabularyBlocks() > Chunk.BLOCKS_A_SUM
                ? Chunk.allocate(arena, (long) chunk.capacity * rows(chunk.width, tile))
                : null;
        int tokens = Math.min(chunk.capacity, Chunk.TOKEN_BLOCK);
        tokenPanels = Panels.vector(arena, tile, chunk.capacity / tokens * tile.vectorPanels(chunk.width), tokens);
        blocks = new MemorySegment[chunk.capacity / tile.columns() * chunk.vocabularyBlocks()];
        for (int i = 0; i < blocks.length; i++) {
            int row = i % chunk.vocabularyBlocks() * Chunk.VOCABULARY_BLOCK;
            int count = Math.min(Chunk.VOCABULARY_BLOCK, chunk.vocabulary - row);
            blocks[i] = logits.asSlice(logits(i / chunk.vocabularyBlocks(), row), tile.vectorBytes(count));
        }
        edges = new MemorySegment[chunk.workers.size()];
        for (int w = 0; w < edges.length; w++) {
            edges[w] = arena.allocate(edgeBytes(tile), Matrix.ALIGNMENT);
        }
        chunk.workers.requireReadable("the scratch memory", logits);
    }

    /** Bytes that the scratch of a chunk takes. */
    static long bytes(int workers, int capacity, int vocabulary, int width) {
        Tile tile = Kernels.current().matrix().tile();
        long columns =
                (long) rows(vocabulary, tile) + 2 * rows(width, tile) + tile.vectorPanels(width) * tile.columns();
        return columns * capacity * Float.BYTES + workers * edgeBytes(tile);
    }

    private static long edgeBytes(Tile tile) {
        return (long) Chunk.VOCABULARY_BLOCK * tile.columns() * Float.BYTES;
    }

    private static int rows(int n, Tile tile) {
        return tile.broadcastPanels(n) * tile.rows();
    }

    /** Offset of a group's logits from a vocabulary row on. */
    long logits(int group, int row) {
        return ((long) group * rows(chunk.vocabulary, chunk.tile) + row) * chunk.tile.columns() * Float.BYTES;
    }

    /** Offset of a group's dX^T from a hidden dimension on. */
    long hiddenGradient(int group, int column) {
        return ((long) group * rows(chunk.width, chunk.tile) + column) * chunk.tile.columns() * Float.BYTES;
    }

    /** A group's logits of one vocabulary block. */
    MemorySegment block(int group, int block) {
        return blocks[group * chunk.vocabularyBlocks() + block];
    }

    /** Which panel of X a token block's is. */
    int tokenPanel(int tokenBlock, int panel) {
        return tokenBlock * chunk.tile.vectorPanels(chunk.width) + panel;
    }
}
