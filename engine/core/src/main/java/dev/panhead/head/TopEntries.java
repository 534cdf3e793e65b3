package dev.panhead.head;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The k largest logits of each of a chunk's tokens, the target's aside. Each worker keeps those of the vocabulary blocks that it comes by,
 * in order: the larger ones first, of equals the one of the lower row. So the k best of all are the same whoever came by which block.
 *
 * <p>Logits below the k-th largest of those are passed over, some rows of all tokens at a time.
 */
final class TopEntries {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Comes after all entries. */
    private static final long NONE = Long.MIN_VALUE;

    /** Rows that are compared at a time: few, since what is found among them raises what the next ones have to reach. */
    private static final int STEP = 16;

    private final Chunk chunk;
    private final int k;

    /** Of each worker: [token][k], each one {@linkplain #entry number}, in descending order. */
    private final long[][] entries;

    /** Of each worker: what a logit has to reach to be among a token's largest, [group][NR], and which ones of some rows do. */
    private final MemorySegment[] thresholds;

    private final int[][] reaching;

    /** Of each worker that merges: how many of each worker's it has taken. */
    private final int[][] taken;

    TopEntries(Arena arena, Chunk chunk, int k) {
        this.chunk = chunk;
        this.k = k;
        int workers = chunk.workers.size();
        entries = new long[workers][chunk.capacity * k];
        thresholds = new MemorySegment[workers];
        Arrays.setAll(thresholds, worker -> Chunk.allocate(arena, chunk.capacity));
        reaching = new int[workers][STEP];
        taken = new int[workers][workers];
    }

    /** Bytes that they take for a chunk. */
    static long bytes(int workers, int capacity, int k) {
        return k == 0 ? 0 : workers * ((8L * k + 4) * capacity + 4L * (STEP + workers));
    }

    /** Begins a chunk. */
    void begin() {
        for (int worker = 0; worker < entries.length; worker++) {
            Arrays.fill(entries[worker], 0, chunk.count * k, NONE);
            for (int token = 0; token < chunk.groups * chunk.tile.columns(); token++) {
                setThreshold(token, worker, token < chunk.count ? -Float.MAX_VALUE : Float.POSITIVE_INFINITY);
            }
        }
    }

    private float threshold(int token, int worker) {
        return thresholds[worker].get(FLOAT, token * (long) Float.BYTES);
    }

    private void setThreshold(int token, int worker, float threshold) {
        thresholds[worker].set(FLOAT, token * (long) Float.BYTES, threshold);
    }

    /**
     * Takes what is among the largest of a tile.
     *
     * @param row the first one's number in the vocabulary
     * @param group of tokens
     */
    void take(int row, int rows, MemorySegment tile, int group, int worker) {
        int columns = chunk.tile.columns();
        int[] lanes = reaching[worker];
        for (int from = 0; from < rows; from += STEP) {
            int count = Math.min(STEP, rows - from);
            chunk.kernels.softmax().findReaching(from, count, tile, thresholds[worker], chunk.tokens(group), lanes);
            for (int i = 0; i < count; i++) {
                for (int left = lanes[i]; left != 0; left &= left - 1) {
                    int lane = Integer.numberOfTrailingZeros(left);
                    float logit = tile.get(FLOAT, ((from + i) * (long) columns + lane) * Float.BYTES);
                    take(logit, row + from + i, group * columns + lane, worker);
                }
            }
        }
    }

    /** Takes a logit if it is among the largest. */
    void take(float logit, int row, int token, int worker) {
        if (!(logit >= threshold(token, worker))) {
            return;
        }
        long[] ofWorker = entries[worker];
        long entry = entry(logit, row);
        int last = token * k + k - 1;
        if (entry < ofWorker[last]) {
            return;
        }
        int at = last;
        for (; at > token * k && ofWorker[at - 1] < entry; at--) {
            ofWorker[at] = ofWorker[at - 1];
        }
        ofWorker[at] = entry;
        if (ofWorker[last] != NONE) {
            setThreshold(token, worker, logit(ofWorker[last]));
        }
    }

    /** A logit and its row as one number, the larger the sooner it comes: the logit above, in the order of whole numbers, the row below. */
    private static long entry(float logit, int row) {
        int bits = Float.floatToRawIntBits(logit + 0f); // -0 equals 0
        return (long) inOrder(bits) << Integer.SIZE | Integer.toUnsignedLong(~row);
    }

    private static float logit(long entry) {
        return Float.intBitsToFloat(inOrder((int) (entry >> Integer.SIZE)));
    }

    private static int row(long entry) {
        return ~(int) entry;
    }

    /** Makes of a float's bits a number that compares as the float does, and the bits of it again. */
    private static int inOrder(int bits) {
        return bits ^ bits >> 31 & Integer.MAX_VALUE;
    }

    /** Merges what the workers have of a token, and its target, into its results; where there are less than k, -1 and -infinity. */
    void merge(int token, float targetLogit, float max, TokenSoftmax softmax, int worker) {
        TokenResults results = chunk.results;
        int[] next = taken[worker];
        Arrays.fill(next, 0);
        long target = entry(targetLogit, chunk.targets[token]);
        for (int i = token * k; i < token * k + k; i++) {
            long first = target;
            int from = -1;
            for (int w = 0; w < next.length; w++) {
                long entry = entries[w][token * k + next[w]];
                if (entry > first) {
                    first = entry;
                    from = w;
                }
            }
            if (from >= 0) {
                next[from]++;
                results.topRows[i] = row(first);
                results.topLogProbabilities[i] = (double) logit(first) - max + softmax.logFactor;
            } else if (target != NONE) {
                target = NONE;
                results.topRows[i] = chunk.targets[token];
                results.topLogProbabilities[i] = 0 - softmax.surprise;
            } else {
                results.topRows[i] = -1;
                results.topLogProbabilities[i] = Double.NEGATIVE_INFINITY;
            }
        }
    }
}
