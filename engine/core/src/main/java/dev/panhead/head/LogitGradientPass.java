package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Turns kept logits into their gradient, in place, where that is more than a token's and block's factor times the exponential: with a
 * soft cap k, or where the entropy has an upstream gradient h. A task is a group of tokens.
 *
 * <pre>
 *   dL/dz_v = s (A p_v - h p_v (log p_v + H) - g eps / V' c_v) (1 - (u_v / (s k))^2)
 * </pre>
 *
 * with A and g as {@link SoftmaxPass} has them. The factors are 1.
 */
final class LogitGradientPass implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Chunk chunk;
    private final float softcap;

    /** The factor of e^(u - m): what stands alone there, and what beside u - m; laid out like the chunk's statistics. */
    private final MemorySegment bases;

    private final MemorySegment slopes;

    /** The blocks' maxima. */
    private final MemorySegment maxima;

    /** Each token's g s eps / V', if the cap keeps {@link Smoothing} from taking it, and 1 / (s k). */
    private final MemorySegment spreads;

    private final MemorySegment inverses;
    private GradientScratch scratch;
    private Matrix classWeights;

    LogitGradientPass(Arena arena, Chunk chunk, HeadOptions options) {
        this.chunk = chunk;
        softcap = options.softcap();
        long floats = (long) chunk.vocabularyBlocks() * chunk.capacity;
        bases = Chunk.allocate(arena, floats);
        slopes = Chunk.allocate(arena, floats);
        maxima = Chunk.allocate(arena, floats);
        spreads = Chunk.allocate(arena, chunk.capacity);
        inverses = Chunk.allocate(arena, chunk.capacity);
    }

    /** Whether a call needs the pass for its gradients. */
    static boolean wanted(HeadOptions options, HeadInputs inputs) {
        return options.softcap() > 0 || inputs.entropyUpstream() != null;
    }

    /** Bytes that it takes for a chunk. */
    static long bytes(int capacity, int vocabulary) {
        return (3L * Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK) + 2) * capacity * Float.BYTES;
    }

    /** Takes the blocks' maxima, before the softmax overwrites them. */
    void keepMaxima() {
        maxima.copyFrom(chunk.maxima);
    }

    /**
     * Takes what is known of the i-th token's gradient.
     *
     * @param at where its statistics lie
     * @param max its maximum m over all other entries
     * @param weight A s
     * @param entropy H
     * @param spread g s eps / V'
     */
    void prepare(int i, long at, double max, TokenSoftmax softmax, double weight, double entropy, double spread) {
        double scale = chunk.scale(i);
        double upstream = chunk.entropyUpstream[i] * scale;
        long stride = chunk.statistics(1, 0);
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            long cell = at + block * stride;
            double share = chunk.maxima.get(FLOAT, cell) * softmax.shift * softmax.factor; // p / e^(u - the block's m)
            double logShare = (double) maxima.get(FLOAT, cell) - max + softmax.logFactor;
            boolean counts = share > 0;
            double base = counts ? share * (weight - upstream * (logShare + entropy)) : 0;
            bases.set(FLOAT, cell, (float) base);
            chunk.factors().set(FLOAT, cell, 1);
            slopes.set(FLOAT, cell, counts ? (float) (-share * upstream) : 0);
        }
        spreads.set(FLOAT, (long) i * Float.BYTES, softcap > 0 ? (float) spread : 0);
        inverses.set(FLOAT, (long) i * Float.BYTES, softcap > 0 ? (float) (1 / (scale * softcap)) : 0);
    }

    /** du/dz / s at a logit of the i-th token. */
    double slope(int i, double logit) {
        double tanh = softcap > 0 ? logit / ((double) chunk.scale(i) * softcap) : 0;
        return Math.max(0, (1 - tanh) * (1 + tanh)); // the logit is rounded, and may be a bit beyond
    }

    /** Turns the window's logits into their gradient. */
    void run(GradientScratch scratch, Matrix classWeights) {
        this.scratch = scratch;
        this.classWeights = classWeights;
        try {
            chunk.workers.run(chunk.groups, this);
        } finally {
            this.classWeights = null;
        }
    }

    @Override
    public void run(int group, int worker) {
        for (int block = scratch.firstBlock(); block < scratch.endBlock(); block++) {
            long at = chunk.statistics(block, group);
            chunk.kernels
                    .softmax()
                    .gradient(
                            chunk.rows(block),
                            scratch.exponentials(group, block),
                            maxima,
                            bases,
                            slopes,
                            at,
                            spreads,
                            inverses,
                            chunk.tokens(group),
                            classWeights == null ? null : classWeights.segment(),
                            classWeights == null ? 0 : classWeights.offset(0, chunk.row(block)));
        }
    }
}
