package dev.panhead.head;

import dev.panhead.kernel.Kernels;

/** How a head's scratch memory is laid out within the options' bound: the size of a chunk of tokens, and what is kept at once. */
final class HeadPlan {

    /** The logits' scratch is about this large if it may: it stays in the last level cache. */
    private static final long CACHED_BYTES = 4L << 20;

    /** Fewer tokens than this make packing W, fetching its panels and adding to dW for each chunk felt. */
    private static final int WORTHWHILE_TOKENS = 512;

    /** Vocabulary blocks whose exponentials are kept at once: all, or a few. */
    final int window;

    /** Whether W is packed once a call. */
    final boolean wholeWeight;

    /** Tokens of a chunk. */
    final int capacity;

    private final int workers;
    private final int maxTokens;
    private final int vocabulary;
    private final int width;
    private final HeadOptions options;

    /**
     * Plans.
     *
     * @throws IllegalArgumentException if the smallest chunk takes more than the options allow, or its figures are too many for arrays
     */
    HeadPlan(int workers, int maxTokens, int vocabulary, int width, HeadOptions options) {
        this.workers = workers;
        this.maxTokens = maxTokens;
        this.vocabulary = vocabulary;
        this.width = width;
        this.options = options;
        window = window();
        wholeWeight = packsWholeWeight();
        capacity = capacity(wholeWeight);
        requireIndexable("topK", capacity, options.topK());
        requireIndexable("entries", capacity, soft(options));
        int held = GradientEntries.capacity(capacity, maxTokens, vocabulary, options);
        if (options.selects() && GradientEntries.most(held, vocabulary, options) > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("the entries that " + options.gradientMode() + " may keep of chunks of "
                    + capacity + " tokens are too many for arrays");
        }
        boolean all = window == Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        if (!all && options.selects() && !(options.gradientMode() instanceof GradientMode.Unbiased)) {
            throw new IllegalArgumentException(options.gradientMode() + " compares all logits of a token, "
                    + "but a lean head, or one whose scratchBytes are so few, never has them at once");
        }
    }

    private static int soft(HeadOptions options) {
        return options.softTargets() == null ? 0 : options.softTargets().entries();
    }

    /** So many numbers for each of a chunk's tokens are one array. */
    private static void requireIndexable(String name, int capacity, int each) {
        if ((long) capacity * each > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(
                    name + " is " + each + ", which is too many for chunks of " + capacity + " tokens");
        }
    }

    /** All vocabulary blocks, unless the options want it otherwise or have no room. */
    private int window() {
        int blocks = Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        boolean lean = options.lean() || scratchBytes(smallestChunk(), false, blocks) > options.scratchBytes();
        return lean ? Math.min(GradientScratch.WINDOW_BLOCKS, blocks) : blocks;
    }

    /** Whether W is packed once a call: where it is small, packing it for each chunk would be felt. */
    private boolean packsWholeWeight() {
        int smallest = smallestChunk();
        long needed = scratchBytes(smallest, false, window);
        if (needed > options.scratchBytes()) {
            throw new IllegalArgumentException(
                    "scratchBytes is " + options.scratchBytes() + ", but a chunk of " + smallest
                            + " tokens for a vocabulary of " + vocabulary + " and width " + width + " takes " + needed);
        }
        return window == Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK)
                && WeightPanels.bytes(workers, vocabulary, width, true) <= WeightPanels.MOST_BYTES
                && scratchBytes(smallest, true, window) <= options.scratchBytes();
    }

    /** A whole reduction block of tokens, or all tokens if they are fewer, or if they are to be one chunk. */
    private int smallestChunk() {
        int lanes = Kernels.current().matrix().tile().columns();
        if (options.fusedUpdate() && maxTokens > Chunk.TOKEN_BLOCK) {
            return (int) Math.min(
                    Math.ceilDiv(maxTokens, Chunk.TOKEN_BLOCK) * (long) Chunk.TOKEN_BLOCK,
                    Integer.MAX_VALUE / Chunk.TOKEN_BLOCK * Chunk.TOKEN_BLOCK);
        }
        return Math.max(1, Math.ceilDiv(Math.min(maxTokens, Chunk.TOKEN_BLOCK), lanes)) * lanes;
    }

    /** The chunk's size in tokens: whole reduction blocks, or all tokens if they are fewer than one. */
    private int capacity(boolean wholeWeight) {
        int kept = Math.min(vocabulary, window * Chunk.VOCABULARY_BLOCK);
        long limit = Math.max(WORTHWHILE_TOKENS, CACHED_BYTES / Float.BYTES / kept);
        int capacity = smallestChunk();
        while (capacity < maxTokens
                && (long) capacity + Chunk.TOKEN_BLOCK <= limit
                && scratchBytes(capacity + Chunk.TOKEN_BLOCK, wholeWeight, window) <= options.scratchBytes()) {
            capacity += Chunk.TOKEN_BLOCK;
        }
        return capacity;
    }

    private long scratchBytes(int capacity, boolean wholeWeight, int window) {
        if (capacity * ((double) vocabulary + width + options.topK() + soft(options)) > 1e17) {
            return Long.MAX_VALUE; // what follows would overflow
        }
        return Chunk.bytes(workers, capacity, vocabulary, width, options.topK())
                + GradientScratch.bytes(workers, capacity, vocabulary, width, window, options.fusedUpdate())
                + LogitGradientPass.bytes(capacity, vocabulary)
                + Observations.bytes(workers, capacity, vocabulary, options.topK())
                + (options.spreads() ? Smoothing.bytes(capacity, vocabulary, width, options) : 0)
                + (options.softTargets() == null
                        ? 0
                        : SoftEntries.bytes(capacity, vocabulary, width, options.softTargets()))
                + (options.selects() ? selectionBytes(capacity) : 0)
                + WeightPanels.bytes(workers, vocabulary, width, wholeWeight);
    }

    private long selectionBytes(int capacity) {
        int held = GradientEntries.capacity(capacity, maxTokens, vocabulary, options);
        return GradientEntries.bytes(held, vocabulary, options)
                + SelectionPass.bytes(workers, capacity)
                + SparseHiddenPass.bytes(workers, held);
    }
}
