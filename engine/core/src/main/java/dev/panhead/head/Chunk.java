package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The tokens at hand, and the scratch memory of a head: T' tokens of width d, ignored ones left out, in groups of NR.
 *
 * <p>Tokens lie in lanes. The logits' exponentials are stored as [group][V][NR], so that the softmax runs down the vocabulary with
 * no horizontal step, and what it leaves is the packed vector side of dX^T = W^T G^T as it lies, but for the factors that turn it
 * into G: those wait until a product or a transposition has the numbers in registers anyway.
 */
final class Chunk {

    /**
     * Vocabulary rows whose softmax statistics are taken together, and that one reduction block of dX adds up; a multiple of every
     * tile's rows. Results depend on it.
     */
    static final int VOCABULARY_BLOCK = 192;

    /** Vocabulary blocks of dX that are added up before their sum joins the others': a long sum's error grows with its length. */
    static final int BLOCKS_A_SUM = 16;

    /** Tokens that one reduction block of dW adds up; chunks are multiples of it, so that no result depends on theirs. */
    static final int TOKEN_BLOCK = 256;

    /**
     * Hidden dimensions of a panel of the logits' product, and that one of its reduction blocks adds up: fewer than in the gradients'
     * products, since the logits' errors are what shows in losses and entropies.
     */
    static final int WIDTH_BLOCK = 128;

    /** Columns of dX that are added up and transposed at a time; a multiple of every tile's rows, and less than a vocabulary block. */
    static final int COLUMN_BLOCK = 96;

    /** Tasks for each worker, so that the work ends evenly. */
    static final int TASKS_A_WORKER = 4;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    final Workers workers;
    final Kernels kernels = Kernels.current();
    final Tile tile = kernels.matrix().tile();
    final int vocabulary;
    final int width;
    final int capacity;

    /** Tokens in the chunk and their groups. */
    int count;

    int groups;

    /** Which rows of the hidden states the chunk's tokens are, their targets, what these weigh, and their dL/dz. */
    final int[] tokens;

    final int[] targets;
    final double[] classWeights;
    final float[] targetGradients;

    /** What the sum of |dL/dz_v| over a token's entries other than the target and the soft ones does not exceed. */
    final double[] gradientBounds;

    /** What the tokens' losses weigh, and dL/dl_t, dL/d(log p_t(a_t)) and dL/dH_t. */
    final double[] weights;

    final double[] upstream;
    final double[] logProbabilityUpstream;
    final double[] entropyUpstream;

    /** What is known of the tokens when the softmax is done. */
    final TokenResults results;

    /** The targets' logits, and what the logits are multiplied by, if {@link #scaled}. */
    final MemorySegment targetLogits;

    final MemorySegment scales;
    boolean scaled;

    /** Where the chunk's hidden states lie, from which row on: in the caller's matrix, or in {@link #gathered}. */
    Matrix hidden;

    int hiddenRow;

    final Matrix gathered;

    /** X^T as vector panels: [group][d / BLOCK][BLOCK][NR]. */
    final Panels hiddenPanels;

    /**
     * Softmax statistics: [vocabulary block][group][NR], and the tokens' maxima: [group][NR]. The blocks' maxima become e^(m - M), M
     * being the token's, and then the {@link #factors}.
     */
    final MemorySegment maxima;

    final MemorySegment sums;
    final MemorySegment merged;

    /** Each worker's broadcast panels and spare tile, and the logits it is at: [group][VOCABULARY_BLOCK][NR]. */
    final Panels[] panels;

    final MemorySegment[] spares;
    final Panels[] logits;

    /** Each worker's room for what is widened. */
    final MemorySegment[] strips;

    /** Tokens whose logits of one vocabulary block a worker has room for; they stay in its second cache. */
    private static final int LOGIT_TOKENS = 512;

    Chunk(Arena arena, Workers workers, int capacity, int vocabulary, int width, int topK) {
        this.workers = workers;
        this.vocabulary = vocabulary;
        this.width = width;
        this.capacity = capacity;
        tokens = new int[capacity];
        targets = new int[capacity];
        classWeights = new double[capacity];
        targetGradients = new float[capacity];
        gradientBounds = new double[capacity];
        weights = new double[capacity];
        upstream = new double[capacity];
        logProbabilityUpstream = new double[capacity];
        entropyUpstream = new double[capacity];
        results = new TokenResults(capacity, topK);
        targetLogits = allocate(arena, capacity);
        scales = allocate(arena, capacity);
        gathered = Matrix.allocate(arena, capacity, width);
        hiddenPanels =
                Panels.vector(arena, tile, capacity / tile.columns() * widthBlocks(), Math.min(width, WIDTH_BLOCK));
        maxima = allocate(arena, (long) vocabularyBlocks() * capacity);
        sums = allocate(arena, (long) vocabularyBlocks() * capacity);
        merged = allocate(arena, capacity);
        panels = new Panels[workers.size()];
        spares = new MemorySegment[workers.size()];
        logits = new Panels[workers.size()];
        strips = new MemorySegment[workers.size()];
        for (int w = 0; w < workers.size(); w++) {
            panels[w] = Panels.broadcast(arena, tile, VOCABULARY_BLOCK, TOKEN_BLOCK);
            spares[w] = arena.allocate(tile.bytes(), Matrix.ALIGNMENT);
            strips[w] = Packing.strip(arena);
            logits[w] = Panels.vector(arena, tile, logitGroups(capacity), VOCABULARY_BLOCK);
        }
        workers.requireReadable("the scratch memory", hiddenPanels.memory());
    }

    /** Bytes that a chunk takes, {@link GradientScratch} not counted. */
    static long bytes(int workers, int capacity, int vocabulary, int width, int topK) {
        Tile tile = Kernels.current().matrix().tile();
        long blocks = Math.ceilDiv(vocabulary, VOCABULARY_BLOCK);
        long widthBlocks = Math.ceilDiv(width, WIDTH_BLOCK);
        long floats = capacity * (width + widthBlocks * Math.min(width, WIDTH_BLOCK) + 2 * blocks + 3);
        long each = tile.broadcastPanels(VOCABULARY_BLOCK) * Tile.broadcastBytes(TOKEN_BLOCK)
                + logitGroups(capacity) * tile.vectorBytes(VOCABULARY_BLOCK)
                + tile.bytes()
                + tile.vectorBytes(2)
                + Packing.stripBytes();
        return floats * Float.BYTES + workers * each + (128L + 12L * topK) * capacity;
    }

    /** Groups whose logits a worker has room for. */
    int logitGroups() {
        return logitGroups(capacity);
    }

    private static int logitGroups(int capacity) {
        return Kernels.current().matrix().tile().vectorPanels(Math.min(capacity, LOGIT_TOKENS));
    }

    /** Number of panels of the forward product that follow one another in k. */
    int widthBlocks() {
        return Math.ceilDiv(width, WIDTH_BLOCK);
    }

    int vocabularyBlocks() {
        return Math.ceilDiv(vocabulary, VOCABULARY_BLOCK);
    }

    /** First row of a vocabulary block. */
    int row(int block) {
        return block * VOCABULARY_BLOCK;
    }

    /** Number of a vocabulary block's rows. */
    int rows(int block) {
        return Math.min(VOCABULARY_BLOCK, vocabulary - row(block));
    }

    /** What the i-th token's logits are multiplied by. */
    float scale(int i) {
        return scaled ? scales.get(FLOAT, (long) i * Float.BYTES) : 1;
    }

    /** Offset of a group's tokens in {@link #targetLogits} and {@link #scales}. */
    long tokens(int group) {
        return (long) group * tile.columns() * Float.BYTES;
    }

    int tokenBlocks() {
        return Math.ceilDiv(count, TOKEN_BLOCK);
    }

    /** What the exponentials are multiplied by to be the logits' gradient, laid out like the statistics. */
    MemorySegment factors() {
        return maxima;
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
        return Math.clamp(Math.ceilDiv(wanted, others), 1, pieces);
    }

    /** How many of some vocabulary blocks are a task each: all but one for each worker, which are cut so that all workers end together. */
    int wholeBlocks(int blocks) {
        return workers.size() == 1 ? blocks : Math.max(0, blocks - workers.size());
    }

    /** Takes the tokens collected in {@link #tokens} as the chunk, and their hidden states. */
    void begin(ReadableMatrix states) {
        groups = tile.vectorPanels(count);
        int first = tokens[0];
        if (states instanceof Matrix floats && tokens[count - 1] - first == count - 1) {
            hidden = floats;
            hiddenRow = first;
            return;
        }
        hidden = gathered;
        hiddenRow = 0;
        for (int i = 0; i < count; i++) {
            gather(states, tokens[i], gathered.offset(i, 0));
        }
    }

    /** Lets go of the caller's hidden states. */
    void end() {
        hidden = null;
    }

    private void gather(ReadableMatrix states, int token, long to) {
        long from = states.offset(token, 0);
        switch (states) {
            case Matrix floats ->
                MemorySegment.copy(floats.segment(), from, gathered.segment(), to, (long) width * Float.BYTES);
            case HalfMatrix halves ->
                kernels.matrix().widen(halves.format(), width, halves.segment(), from, gathered.segment(), to);
        }
    }

    /** A task: packs the transposed hidden states of one group. */
    void packHidden(int group, int worker) {
        for (int block = 0; block < widthBlocks(); block++) {
            int k = block * WIDTH_BLOCK;
            Packing.vector(
                    kernels.matrix(),
                    true,
                    hidden,
                    strips[worker],
                    k,
                    Math.min(WIDTH_BLOCK, width - k),
                    hiddenRow + group * tile.columns(),
                    tokensIn(group),
                    hiddenPanels,
                    hiddenPanel(group, block));
        }
    }

    /** Which panel of X^T a group's block of hidden dimensions is. */
    int hiddenPanel(int group, int block) {
        return group * widthBlocks() + block;
    }

    static MemorySegment allocate(Arena arena, long floats) {
        return arena.allocate(floats * Float.BYTES, Matrix.ALIGNMENT);
    }
}
