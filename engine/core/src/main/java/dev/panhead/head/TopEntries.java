package dev.panhead.head;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The k largest logits of each of a chunk's tokens, the target's aside. Each worker keeps those of the vocabulary blocks that it comes by,
 * in order: the larger ones first, of equals the one of the lower row. So the k best of all are the same whoever came by which block.
 *
 * <p>A block whose maximum is below the k-th is not looked at.
 */
final class TopEntries {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Chunk chunk;
    private final int k;

    /** Of each worker: [token][k], and how many a token has. */
    private final float[][] logits;

    private final int[][] rows;
    private final int[][] counts;

    /** Of each worker that merges: how many of each worker's it has taken. */
    private final int[][] taken;

    TopEntries(Chunk chunk, int k) {
        this.chunk = chunk;
        this.k = k;
        int workers = chunk.workers.size();
        logits = new float[workers][chunk.capacity * k];
        rows = new int[workers][chunk.capacity * k];
        counts = new int[workers][chunk.capacity];
        taken = new int[workers][workers];
    }

    /** Bytes that they take for a chunk. */
    static long bytes(int workers, int capacity, int k) {
        return k == 0 ? 0 : workers * ((8L * k + 4) * capacity + 4L * workers);
    }

    /** Begins a chunk. */
    void begin() {
        for (int[] count : counts) {
            Arrays.fill(count, 0, chunk.count, 0);
        }
    }

    /**
     * Takes what is among the largest of a tile.
     *
     * @param row the first one's number in the vocabulary
     * @param group of tokens
     * @param maxima of the tile, from {@code at} on
     */
    void take(int row, int rows, MemorySegment tile, int group, int worker, MemorySegment maxima, long at) {
        int first = group * chunk.tile.columns();
        for (int lane = 0; lane < chunk.tokensIn(group); lane++) {
            if (maxima.get(FLOAT, at + lane * (long) Float.BYTES) >= threshold(first + lane, worker)) {
                takeLane(row, rows, tile, lane, first + lane, worker);
            }
        }
    }

    /** What a logit has to reach to be among a token's largest. */
    private float threshold(int token, int worker) {
        return counts[worker][token] < k ? Float.NEGATIVE_INFINITY : logits[worker][token * k + k - 1];
    }

    private void takeLane(int row, int rows, MemorySegment tile, int lane, int token, int worker) {
        float threshold = threshold(token, worker);
        int columns = chunk.tile.columns();
        for (int i = 0; i < rows; i++) {
            float logit = tile.get(FLOAT, (i * (long) columns + lane) * Float.BYTES);
            if (logit >= threshold && logit > Float.NEGATIVE_INFINITY) {
                insert(logit, row + i, token, worker);
                threshold = threshold(token, worker);
            }
        }
    }

    /** Takes a logit that stands in no tile. */
    void take(float logit, int row, int token, int worker) {
        if (logit > Float.NEGATIVE_INFINITY) {
            insert(logit, row, token, worker);
        }
    }

    private void insert(float logit, int row, int token, int worker) {
        float[] values = logits[worker];
        int[] where = rows[worker];
        int begin = token * k;
        int count = counts[worker][token];
        int low = begin; // the first entry that comes after the new one
        for (int high = begin + count; low < high; ) {
            int middle = low + high >>> 1;
            if (comes(logit, row, values[middle], where[middle])) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if (low == begin + k) {
            return;
        }
        int moved = Math.min(begin + count, begin + k - 1) - low;
        System.arraycopy(values, low, values, low + 1, moved);
        System.arraycopy(where, low, where, low + 1, moved);
        values[low] = logit;
        where[low] = row;
        counts[worker][token] = Math.min(count + 1, k);
    }

    /** Whether an entry comes before another. */
    private static boolean comes(float logit, int row, float otherLogit, int otherRow) {
        return logit > otherLogit || logit == otherLogit && row < otherRow;
    }

    /** Merges what the workers have of a token, and its target, into its results; where there are less than k, -1 and -infinity. */
    void merge(int token, float targetLogit, float max, TokenSoftmax softmax, int worker) {
        TokenResults results = chunk.results;
        int[] next = taken[worker];
        Arrays.fill(next, 0);
        boolean targetTaken = false;
        for (int i = token * k; i < token * k + k; i++) {
            float logit = targetTaken ? Float.NEGATIVE_INFINITY : targetLogit;
            int row = targetTaken ? Integer.MAX_VALUE : chunk.targets[token];
            int from = -1;
            for (int w = 0; w < next.length; w++) {
                int at = token * k + next[w];
                if (next[w] < counts[w][token] && comes(logits[w][at], rows[w][at], logit, row)) {
                    logit = logits[w][at];
                    row = rows[w][at];
                    from = w;
                }
            }
            if (from >= 0) {
                next[from]++;
                results.topLogProbabilities[i] = (double) logit - max + softmax.logFactor;
            } else {
                results.topLogProbabilities[i] = targetTaken ? Double.NEGATIVE_INFINITY : 0 - softmax.surprise;
                row = targetTaken ? -1 : row;
                targetTaken = true;
            }
            results.topRows[i] = row;
        }
    }
}
