package dev.panhead.head;

import dev.panhead.blas.Gemm;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The tokens at hand, and the scratch memory of a head: T' tokens of width d, ignored ones left out, in groups of NR.
 *
 * <p>Tokens lie in lanes. The logits are stored as [group][V][NR], so that the softmax runs down the vocabulary with no
 * horizontal step, and the logits' gradient, made in their place, is the packed vector side of dX^T = W^T G^T as it lies.
 */
final class Chunk {

    /** Vocabulary rows whose softmax statistics are taken together; a multiple of every tile's rows. Results depend on it. */
    static final int VOCABULARY_BLOCK = 192;

    /** Tokens that one reduction block of dW adds up; chunks are multiples of it, so that no result depends on theirs. */
    static final int TOKEN_BLOCK = Gemm.BLOCK;

    /** Columns of dX that one task works on; a multiple of every tile's rows. */
    static final int COLUMN_BLOCK = 96;

    /** Tasks for each worker, so that the work ends evenly. */
    static final int TASKS_A_WORKER = 4;

    final Workers workers;
    final Kernels kernels = Kernels.current();
    final Tile tile = kernels.matrix().tile();
    final int vocabulary;
    final int width;
    final int capacity;

    /** Tokens in the chunk and their groups. */
    int count;

    int groups;

    /** Which rows of the hidden states the chunk's tokens are, and their targets, dL/dl_t and losses. */
    final int[] tokens;

    final int[] targets;
    final float[] targetLogits;
    final double[] upstream;
    final double[] losses;

    /** The chunk's hidden states by rows: a view of the caller's, or of {@link #gathered}. */
    Matrix hidden;

    final Matrix gathered;

    /** X^T as vector panels: [group][d][NR]. */
    final MemorySegment hiddenPanels;

    /** Softmax statistics: [vocabulary block][group][NR], and the tokens' maxima: [group][NR]. */
    final MemorySegment maxima;

    final MemorySegment sums;
    final MemorySegment merged;

    /** Each worker's broadcast panels, and its tiles [group][VOCABULARY_BLOCK][NR] when only the loss is wanted. */
    final MemorySegment[] panels;

    final MemorySegment[] lossTiles;

    /** Groups that a loss tile has room for. */
    static final int LOSS_GROUPS = 16;

    Chunk(Arena arena, Workers workers, int capacity, int vocabulary, int width) {
        this.workers = workers;
        this.vocabulary = vocabulary;
        this.width = width;
        this.capacity = capacity;
        tokens = new int[capacity];
        targets = new int[capacity];
        targetLogits = new float[capacity];
        upstream = new double[capacity];
        losses = new double[capacity];
        gathered = Matrix.allocate(arena, capacity, width);
        int lanes = tile.columns();
        hiddenPanels = allocate(arena, (long) capacity * width);
        maxima = allocate(arena, (long) vocabularyBlocks() * capacity);
        sums = allocate(arena, (long) vocabularyBlocks() * capacity);
        merged = allocate(arena, capacity);
        panels = new MemorySegment[workers.size()];
        lossTiles = new MemorySegment[workers.size()];
        for (int w = 0; w < workers.size(); w++) {
            panels[w] = arena.allocate(
                    tile.broadcastPanels(VOCABULARY_BLOCK) * Tile.broadcastBytes(Gemm.BLOCK), Matrix.ALIGNMENT);
            lossTiles[w] = allocate(arena, (long) LOSS_GROUPS * VOCABULARY_BLOCK * lanes);
        }
        workers.requireAccessible("the scratch memory", hiddenPanels);
    }

    /** Bytes that a chunk takes, {@link GradientScratch} not counted. */
    static long bytes(int workers, int capacity, int vocabulary, int width) {
        Tile tile = Kernels.current().matrix().tile();
        long blocks = (vocabulary + VOCABULARY_BLOCK - 1) / VOCABULARY_BLOCK;
        long floats = 2L * capacity * width + 2 * blocks * capacity + capacity;
        long each = tile.broadcastPanels(VOCABULARY_BLOCK) * Tile.broadcastBytes(Gemm.BLOCK)
                + (long) LOSS_GROUPS * VOCABULARY_BLOCK * tile.columns() * Float.BYTES;
        return floats * Float.BYTES + workers * each + 28L * capacity;
    }

    int vocabularyBlocks() {
        return (vocabulary + VOCABULARY_BLOCK - 1) / VOCABULARY_BLOCK;
    }

    int tokenBlocks() {
        return (count + TOKEN_BLOCK - 1) / TOKEN_BLOCK;
    }

    /** Offset of a vocabulary block's statistics of a group. */
    long statistics(int block, int group) {
        return ((long) block * capacity + (long) group * tile.columns()) * Float.BYTES;
    }

    /** Number of a group's tokens. */
    int tokensIn(int group) {
        return Math.min(tile.columns(), count - group * tile.columns());
    }

    /** Into how many parts to cut something that has {@code pieces}, so that with {@code others} tasks each all workers are busy. */
    int splits(int others, int pieces) {
        int wanted = workers.size() == 1 ? 1 : workers.size() * TASKS_A_WORKER;
        return Math.clamp((wanted + others - 1) / others, 1, pieces);
    }

    /** Takes the tokens collected in {@link #tokens} as the chunk, and their hidden states. */
    void begin(Matrix states) {
        groups = tile.vectorPanels(count);
        int first = tokens[0];
        if (tokens[count - 1] - first == count - 1) {
            hidden = states.rows(first, first + count);
            return;
        }
        hidden = gathered.rows(0, count);
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(
                    states.segment(),
                    states.offset(tokens[i], 0),
                    gathered.segment(),
                    gathered.offset(i, 0),
                    (long) width * Float.BYTES);
        }
    }

    /** A task: packs the transposed hidden states of one group. */
    void packHidden(int group, int worker) {
        int lanes = tile.columns();
        Packing.vector(
                kernels.matrix(), true, hidden, 0, width, group * lanes, tokensIn(group), hiddenPanels,
                hiddenPanel(group, 0));
    }

    /** Offset of a group's panel of X^T from the hidden dimension k on. */
    long hiddenPanel(int group, int k) {
        return ((long) group * width + k) * tile.columns() * Float.BYTES;
    }

    static MemorySegment allocate(Arena arena, long floats) {
        return arena.allocate(floats * Float.BYTES, Matrix.ALIGNMENT);
    }
}
