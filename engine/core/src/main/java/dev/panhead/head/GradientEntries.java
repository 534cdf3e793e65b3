package dev.panhead.head;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The entries of dL/dz that are kept, of the chunk's tokens and of those that wait for their products: of several chunks at once these take
 * W and dW through the caches once. They lie by tokens, and are sorted by vocabulary rows, each row's in the order of the tokens. Of blocks of tokens with too
 * many entries there are none: their gradient is dense.
 */
final class GradientEntries {

    /** The share of a token block's entries above which the dense products are faster. Results depend on it. */
    static final double DENSE_SHARE = 1.0 / 7;

    /** Tokens that may wait; a strip of as many rows of dX or X stays in the second cache. */
    private static final int WAITING = 1024;

    /** Entries that those have room for. */
    private static final int WAITING_ENTRIES = 1 << 20;

    private final Chunk chunk;
    private final SoftEntries soft;

    /** Entries that each token has room for, beside its target's and soft ones; 0 if they are counted first, and no token waits. */
    private final int room;

    private final int extra;

    /** Where the chunk's tokens begin among those held, and how many these are. */
    private int begin;

    private int held;

    /** Of each token held: its row in X and in dX, and where its entries begin and end. */
    private final int[] tokens;

    private final int[] starts;
    private final int[] ends;
    private final int[] rows;
    private final float[] values;

    /** By vocabulary rows. */
    private final int[] rowStarts;

    private final int[] rowTokens;
    private final float[] rowValues;

    /** Where the tokens that were sorted have their hidden states, and the row of the first of them. */
    private Matrix hidden;

    private int firstRow;
    private int sortedFrom;
    private int sortedTo;
    private boolean apart; // whether their rows are as far apart as in X, or lie close together

    private final boolean[] dense; // of the chunk's blocks of tokens
    private boolean hasDense;

    GradientEntries(Chunk chunk, int maxTokens, HeadOptions options, SoftEntries soft) {
        this.chunk = chunk;
        this.soft = soft;
        room = room(chunk.vocabulary, options.gradientMode());
        extra = extra(options);
        int capacity = capacity(chunk.capacity, maxTokens, chunk.vocabulary, options);
        tokens = new int[capacity];
        starts = new int[capacity];
        ends = new int[capacity];
        int most = Math.toIntExact(most(capacity, chunk.vocabulary, options));
        rows = new int[most];
        values = new float[most];
        rowTokens = new int[most];
        rowValues = new float[most];
        rowStarts = new int[chunk.vocabulary + 1];
        dense = new boolean[Math.ceilDiv(chunk.capacity, Chunk.TOKEN_BLOCK)];
    }

    /** The most that a token keeps, if the mode bounds them; 1 / tau and 1, and what the roundings of sizes may add. */
    private static int room(int vocabulary, GradientMode mode) {
        return mode instanceof GradientMode.Unbiased unbiased
                ? (int) Math.min(vocabulary, 1.001 / unbiased.threshold() + 2)
                : 0;
    }

    /** The target's and the soft ones. */
    private static int extra(HeadOptions options) {
        return 1 + (options.softTargets() == null ? 0 : options.softTargets().entries());
    }

    /** The most tokens that are held. */
    static int capacity(int chunkCapacity, int maxTokens, int vocabulary, HeadOptions options) {
        int room = room(vocabulary, options.gradientMode());
        if (room == 0 || chunkCapacity >= maxTokens) {
            return chunkCapacity;
        }
        return Math.max(chunkCapacity, Math.min(WAITING, WAITING_ENTRIES / (room + extra(options))));
    }

    /** The most entries of so many tokens. */
    static long most(int capacity, int vocabulary, HeadOptions options) {
        int room = room(vocabulary, options.gradientMode());
        double kept = room > 0 ? (double) room * capacity : DENSE_SHARE * vocabulary * capacity;
        return (long) kept + (long) extra(options) * capacity;
    }

    /** Bytes that they take for so many tokens. */
    static long bytes(int capacity, int vocabulary, HeadOptions options) {
        return 16 * most(capacity, vocabulary, options) + 13L * capacity + 4L * vocabulary + 4;
    }

    /** The most tokens that are held. */
    int capacity() {
        return tokens.length;
    }

    /** Lets go of all tokens. */
    void clear() {
        begin = 0;
        held = 0;
        hidden = null;
    }

    /** How many tokens wait. */
    int waiting() {
        return begin;
    }

    /** Whether the chunk's tokens can wait with those that do already: all of them lie within as many rows of X as can. */
    boolean canWait() {
        int first = begin > 0 ? tokens[0] : chunk.tokens[0];
        return room > 0 && chunk.tokens[chunk.count - 1] - first < tokens.length;
    }

    /** Begins a chunk where each token has the same room. */
    void begin() {
        holdChunk();
        for (int j = begin; j < held; j++) {
            starts[j] = j * (room + extra);
            ends[j] = starts[j];
        }
    }

    private void holdChunk() {
        held = begin + chunk.count;
        System.arraycopy(chunk.tokens, 0, tokens, begin, chunk.count);
    }

    /**
     * Tells the dense blocks of tokens from the others.
     *
     * @param expected how many entries each token keeps, in the mean over the random numbers
     */
    void divide(int[] expected) {
        hasDense = false;
        for (int block = 0; block < chunk.tokenBlocks(); block++) {
            int from = block * Chunk.TOKEN_BLOCK;
            int to = Math.min(from + Chunk.TOKEN_BLOCK, chunk.count);
            long sum = 0;
            for (int i = from; i < to; i++) {
                sum += expected[i];
            }
            dense[block] = sum > DENSE_SHARE * chunk.vocabulary * (to - from);
            hasDense |= dense[block];
        }
    }

    /** Begins a chunk, divided already, where each token's entries have been counted. */
    void begin(int[] counts) {
        holdChunk();
        int next = 0;
        for (int i = 0; i < chunk.count; i++) {
            starts[i] = next;
            ends[i] = next;
            next += isDense(i) ? 0 : counts[i] + extra;
        }
    }

    /** Adds an entry of the chunk's i-th token. */
    void add(int i, int row, float value) {
        int e = ends[begin + i]++;
        if (room > 0 && e - starts[begin + i] >= room + extra) {
            throw new AssertionError("token " + tokens[begin + i] + " keeps more than " + room + " entries");
        }
        rows[e] = row;
        values[e] = value;
    }

    /** How many entries the chunk's i-th token has. */
    int count(int i) {
        return ends[begin + i] - starts[begin + i];
    }

    /** Whether the gradient of the chunk's i-th token is dense. */
    boolean isDense(int i) {
        return dense[i / Chunk.TOKEN_BLOCK];
    }

    /** Whether any token's is. */
    boolean hasDense() {
        return hasDense;
    }

    /** Adds the soft and the target's entries, and leaves out all entries of dense blocks. */
    void complete() {
        for (int i = 0; i < chunk.count; i++) {
            if (isDense(i)) {
                ends[begin + i] = starts[begin + i];
                continue;
            }
            if (soft != null) {
                soft.addTo(this, i);
            }
            add(i, chunk.targets[i], chunk.targetGradients[i]);
        }
    }

    /** Lets the chunk's tokens wait. */
    void await() {
        begin = held;
    }

    /** Lets go of those that have waited; the chunk's stay. */
    void release() {
        System.arraycopy(tokens, begin, tokens, 0, held - begin);
        System.arraycopy(starts, begin, starts, 0, held - begin);
        System.arraycopy(ends, begin, ends, 0, held - begin);
        held -= begin;
        begin = 0;
    }

    /** Sorts the entries of the tokens that wait; their hidden states lie in X. */
    void sortWaiting(Matrix x) {
        hidden = x;
        firstRow = tokens[0];
        apart = true;
        sort(0, begin);
    }

    /** Sorts the entries of the chunk's tokens. */
    void sortChunk() {
        hidden = chunk.hidden;
        firstRow = chunk.hiddenRow;
        apart = false;
        sort(begin, held);
    }

    /** Sorts the entries of some tokens by vocabulary rows, by counting. */
    private void sort(int from, int to) {
        sortedFrom = from;
        sortedTo = to;
        Arrays.fill(rowStarts, 0);
        for (int j = from; j < to; j++) {
            for (int e = starts[j]; e < ends[j]; e++) {
                rowStarts[rows[e] + 1]++;
            }
        }
        for (int v = 1; v <= chunk.vocabulary; v++) {
            rowStarts[v] += rowStarts[v - 1];
        }
        for (int j = from; j < to; j++) {
            for (int e = starts[j]; e < ends[j]; e++) {
                int at = rowStarts[rows[e]]++;
                rowTokens[at] = index(j);
                rowValues[at] = values[e];
            }
        }
        System.arraycopy(rowStarts, 0, rowStarts, 1, chunk.vocabulary); // each row's begin has become its end
        rowStarts[0] = 0;
    }

    /** Which row of their hidden states, counted from the first token's, a sorted token's is. */
    private int index(int j) {
        return apart ? tokens[j] - tokens[sortedFrom] : j - sortedFrom;
    }

    /** How many tokens were sorted. */
    int sorted() {
        return sortedTo - sortedFrom;
    }

    /** Which row of the hidden states, counted from the first sorted token's, the n-th one's is, and which row of X and dX. */
    int indexOf(int n) {
        return index(sortedFrom + n);
    }

    int tokenOf(int n) {
        return tokens[sortedFrom + n];
    }

    /** Whether the n-th sorted token's gradient is dense; that of one that has waited is not. */
    boolean isLeftOut(int n) {
        return !apart && isDense(n);
    }

    /**
     * Adds what some vocabulary rows contribute to some columns of dX, whose rows lie like the hidden states' ({@link #indexOf}).
     *
     * @param weight where the columns of those rows of W lie
     */
    void addToHidden(
            int row,
            int rowCount,
            int columns,
            MemorySegment weight,
            long weightAt,
            long weightStride,
            MemorySegment hidden,
            long at,
            long stride) {
        chunk.kernels
                .sparse()
                .multiplyTransposed(
                        row,
                        row + rowCount,
                        rowStarts,
                        rowTokens,
                        rowValues,
                        0,
                        Integer.MAX_VALUE,
                        columns,
                        weight,
                        weightAt,
                        weightStride,
                        hidden,
                        at,
                        stride);
    }

    /**
     * Adds what sorted tokens contribute to some columns of some rows of dW.
     *
     * @param fromToken the first of them, by {@link #indexOf}, up to {@code toToken}
     * @param overwrite whether what is there counts for nothing
     */
    void addToWeight(
            int row,
            int rowCount,
            int fromToken,
            int toToken,
            int column,
            int columns,
            MemorySegment into,
            long at,
            long stride,
            boolean overwrite) {
        chunk.kernels
                .sparse()
                .multiply(
                        row,
                        row + rowCount,
                        rowStarts,
                        rowTokens,
                        rowValues,
                        fromToken,
                        toToken,
                        columns,
                        hidden.segment(),
                        hidden.offset(firstRow, column),
                        hidden.rowStride() * Float.BYTES,
                        into,
                        at,
                        stride,
                        !overwrite);
    }

    /** The same for db. */
    void addToBias(int row, int rowCount, int fromToken, int toToken, Matrix bias, boolean overwrite) {
        for (int v = row; v < row + rowCount; v++) {
            float sum = overwrite ? 0 : bias.get(0, v);
            for (int e = rowStarts[v]; e < rowStarts[v + 1]; e++) {
                sum += rowTokens[e] >= fromToken && rowTokens[e] < toToken ? rowValues[e] : 0;
            }
            bias.set(0, v, sum);
        }
    }
}
