package dev.panhead.head;

import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The scratch memory that only gradients need; taken when the first are asked for. */
final class GradientScratch {

    /** The logits' exponentials, relative to their block's maximum, 0 for targets: [group][vocabulary block], each [rows][NR]. */
    private final MemorySegment[] exponentials;

    /** dX^T: [group][d][NR]. */
    final MemorySegment hiddenGradient;

    /** The same, of the vocabulary blocks that are being added up before they join it; null if there is but one such sum. */
    final MemorySegment hiddenPart;

    /** X as vector panels: [token block][d / NR][tokens][NR]. */
    final Panels tokenPanels;

    /** Each worker's tiles on their way: one that leaves its matrix, or is to be scaled or transposed. */
    final MemorySegment[] tiles;

    private final Chunk chunk;

    GradientScratch(Arena arena, Chunk chunk) {
        this.chunk = chunk;
        Tile tile = chunk.tile;
        hiddenGradient = Chunk.allocate(arena, (long) chunk.capacity * chunk.width);
        hiddenPart = chunk.vocabularyBlocks() > Chunk.BLOCKS_A_SUM
                ? Chunk.allocate(arena, (long) chunk.capacity * chunk.width)
                : null;
        int tokens = Math.min(chunk.capacity, Chunk.TOKEN_BLOCK);
        tokenPanels = Panels.vector(arena, tile, chunk.capacity / tokens * tile.vectorPanels(chunk.width), tokens);
        MemorySegment whole = Chunk.allocate(arena, (long) chunk.capacity * chunk.vocabulary);
        exponentials = new MemorySegment[chunk.capacity / tile.columns() * chunk.vocabularyBlocks()];
        long at = 0;
        for (int i = 0; i < exponentials.length; i++) {
            long bytes = tile.vectorBytes(chunk.rows(i % chunk.vocabularyBlocks()));
            exponentials[i] = whole.asSlice(at, bytes);
            at += bytes;
        }
        tiles = new MemorySegment[chunk.workers.size()];
        for (int w = 0; w < tiles.length; w++) {
            tiles[w] = arena.allocate(tileBytes(tile), Matrix.ALIGNMENT);
        }
        chunk.workers.requireReadable("the scratch memory", whole);
    }

    /** Bytes that the scratch of a chunk takes. */
    static long bytes(int workers, int capacity, int vocabulary, int width) {
        Tile tile = Kernels.current().matrix().tile();
        long columns = vocabulary + 2L * width + tile.vectorPanels(width) * tile.columns();
        return columns * capacity * Float.BYTES + workers * tileBytes(tile);
    }

    /** dX's products have {@value Chunk#COLUMN_BLOCK} rows, those of dW that leave the matrix as many as a vocabulary block. */
    private static long tileBytes(Tile tile) {
        return (long) Math.max(Chunk.VOCABULARY_BLOCK, Chunk.COLUMN_BLOCK) * tile.columns() * Float.BYTES;
    }

    /** Offset of a group's dX^T from a hidden dimension on. */
    long hiddenGradient(int group, int column) {
        return ((long) group * chunk.width + column) * chunk.tile.columns() * Float.BYTES;
    }

    /** A group's exponentials of one vocabulary block. */
    MemorySegment exponentials(int group, int block) {
        return exponentials[group * chunk.vocabularyBlocks() + block];
    }

    /** Which panel of X a token block's is. */
    int tokenPanel(int tokenBlock, int panel) {
        return tokenBlock * chunk.tile.vectorPanels(chunk.width) + panel;
    }
}
