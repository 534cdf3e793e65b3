package dev.panhead.head;

import dev.panhead.head.HeadOutputs.Gradient;
import java.util.Arrays;

/**
 * The entries of the chunk's dL/dz that are kept, by tokens (each token's in the order of the vocabulary, then its soft targets, then its
 * target) and by vocabulary rows (each row's in the order of the tokens). Of blocks of tokens with too many entries there are none: their gradient is dense.
 */
final class GradientEntries {

    /** The share of a token block's entries above which the dense products are faster. Results depend on it. */
    static final double DENSE_SHARE = 1.0 / 16;

    private final Chunk chunk;
    private final SoftEntries soft;

    /** Entries that each token has room for, beside its target's and soft ones; 0 if they are counted first. */
    private final int room;

    private final int extra;

    /** By tokens: the entries from starts(i) to ends(i) are the i-th's. */
    final int[] starts;

    final int[] ends;
    final int[] rows;
    final float[] values;

    /** By vocabulary rows. */
    private final int[] rowStarts;

    private final int[] tokens;
    private final float[] tokenValues;

    private final boolean[] dense;
    private boolean hasDense;

    GradientEntries(Chunk chunk, HeadOptions options, SoftEntries soft) {
        this.chunk = chunk;
        this.soft = soft;
        room = room(chunk.vocabulary, options.gradientMode());
        extra = extra(options);
        starts = new int[chunk.capacity];
        ends = new int[chunk.capacity];
        int most = Math.toIntExact(most(chunk.capacity, chunk.vocabulary, options));
        rows = new int[most];
        values = new float[most];
        tokens = new int[most];
        tokenValues = new float[most];
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

    /** The most entries of a chunk. */
    static long most(int capacity, int vocabulary, HeadOptions options) {
        int room = room(vocabulary, options.gradientMode());
        long kept = room > 0 ? (long) room * capacity : (long) (DENSE_SHARE * vocabulary * capacity);
        return kept + (long) extra(options) * capacity;
    }

    /** Bytes that they take for a chunk. */
    static long bytes(int capacity, int vocabulary, HeadOptions options) {
        return 16 * most(capacity, vocabulary, options) + 8L * capacity + 4L * vocabulary;
    }

    /** Begins a chunk where each token has the same room. */
    void begin() {
        for (int i = 0; i < chunk.count; i++) {
            starts[i] = i * (room + extra);
            ends[i] = starts[i];
        }
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
        int next = 0;
        for (int i = 0; i < chunk.count; i++) {
            starts[i] = next;
            ends[i] = next;
            next += isDense(i) ? 0 : counts[i] + extra;
        }
    }

    /** Adds an entry of the i-th token. */
    void add(int i, int row, float value) {
        rows[ends[i]] = row;
        values[ends[i]] = value;
        ends[i]++;
    }

    /** Whether the i-th token's gradient is dense. */
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
                ends[i] = starts[i];
                continue;
            }
            if (soft != null) {
                soft.addTo(this, i);
            }
            add(i, chunk.targets[i], chunk.targetGradients[i]);
        }
    }

    /** Sorts the entries by vocabulary rows, by counting. */
    void sort() {
        Arrays.fill(rowStarts, 0);
        for (int i = 0; i < chunk.count; i++) {
            for (int e = starts[i]; e < ends[i]; e++) {
                rowStarts[rows[e] + 1]++;
            }
        }
        for (int v = 1; v <= chunk.vocabulary; v++) {
            rowStarts[v] += rowStarts[v - 1];
        }
        for (int i = 0; i < chunk.count; i++) {
            for (int e = starts[i]; e < ends[i]; e++) {
                int at = rowStarts[rows[e]]++;
                tokens[at] = i;
                tokenValues[at] = values[e];
            }
        }
        System.arraycopy(rowStarts, 0, rowStarts, 1, chunk.vocabulary); // each row's begin has become its end
        rowStarts[0] = 0;
    }

    /**
     * Adds what the tokens {@code fromToken} to {@code toToken} contribute to some rows of dW and db.
     *
     * @param slice where the rows' columns from {@code column} on go, or null
     * @param overwrite whether what is there counts for nothing
     * @param bias where db goes, or null
     * @param begins whether these tokens are the call's first
     */
    void addToWeight(
            int row,
            int rowCount,
            int fromToken,
            int toToken,
            int column,
            int columns,
            WeightSlice slice,
            boolean overwrite,
            Gradient bias,
            boolean begins) {
        for (int v = row; v < row + rowCount; v++) {
            int from = rowStarts[v];
            int end = rowStarts[v + 1];
            while (from < end && tokens[from] < fromToken) {
                from++;
            }
            int to = from;
            while (to < end && tokens[to] < toToken) {
                to++;
            }
            if (slice != null && (to > from || overwrite)) {
                chunk.kernels
                        .sparse()
                        .multiplyRow(
                                from,
                                to,
                                tokens,
                                tokenValues,
                                columns,
                                chunk.hidden.segment(),
                                chunk.hidden.offset(chunk.hiddenRow, column),
                                chunk.hidden.rowStride() * Float.BYTES,
                                slice.segment(),
                                slice.offset(v, column),
                                !overwrite);
            }
            if (bias != null) {
                float sum = begins && !bias.accumulate() ? 0 : bias.into().get(0, v);
                for (int e = from; e < to; e++) {
                    sum += tokenValues[e];
                }
                bias.into().set(0, v, sum);
            }
        }
    }
}
