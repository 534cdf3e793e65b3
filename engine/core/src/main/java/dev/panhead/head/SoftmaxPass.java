package dev.panhead.head;

import dev.panhead.exec.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Merges the blocks' statistics into each token's loss and, if gradients are wanted, into what makes the exponentials
 * G = dL/dl_t (softmax - onehot): a factor for each token and vocabulary block, and the target's gradient. A task is one group of
 * tokens.
 *
 * <p>With m and S the maximum and the sum of exponentials over the entries other than the target a, and D = z_a - m:
 *
 * <pre>
 *   loss = log1p(S e^-D),           1 - p_a = r / (1 + r),  r = S e^-D     if D >= 0
 *   loss = log(S + e^D) - D,        1 - p_a = S / (S + e^D)                otherwise
 * </pre>
 *
 * so that nothing cancels, however confident the token is. These few operations a token are done in double, by the exactly
 * specified functions of {@link StrictMath}.
 */
final class SoftmaxPass implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Chunk chunk;
    private boolean gradients;

    SoftmaxPass(Chunk chunk) {
        this.chunk = chunk;
    }

    /**
     * Finishes the chunk's losses.
     *
     * @param gradients whether G is wanted too
     */
    void run(boolean gradients) {
        this.gradients = gradients;
        chunk.workers.run(chunk.groups, this);
    }

    @Override
    public void run(int group, int worker) {
        int lanes = chunk.tile.columns();
        chunk.kernels
                .softmax()
                .mergeMaxima(
                        chunk.vocabularyBlocks(),
                        chunk.maxima,
                        chunk.statistics(0, group),
                        chunk.statistics(1, 0),
                        chunk.merged,
                        (long) group * lanes * Float.BYTES);
        int first = group * lanes;
        int count = chunk.tokensIn(group);
        for (int lane = 0; lane < count; lane++) {
            finish(group, lane, first + lane);
        }
    }

    /** One token's loss; with gradients, the factors of its exponentials and the target's gradient. */
    private void finish(int group, int lane, int token) {
        MemorySegment maxima = chunk.maxima;
        int blocks = chunk.vocabularyBlocks();
        long at = chunk.statistics(0, group) + (long) lane * Float.BYTES;
        long stride = chunk.statistics(1, 0);
        double sum = 0;
        for (int block = 0; block < blocks; block++) {
            sum += (double) chunk.sums.get(FLOAT, at + block * stride) * maxima.get(FLOAT, at + block * stride);
        }
        double max = chunk.merged.get(FLOAT, (long) token * Float.BYTES);
        double above = chunk.targetLogits[token] - max;
        double others;
        double factor;
        if (above >= 0) {
            double decay = StrictMath.exp(-above);
            double ratio = sum * decay;
            chunk.losses[token] = above < Double.POSITIVE_INFINITY ? StrictMath.log1p(ratio) : Double.NaN;
            others = ratio / (1 + ratio);
            factor = decay / (1 + ratio);
        } else {
            double total = sum + StrictMath.exp(above);
            chunk.losses[token] = StrictMath.log(total) - above;
            others = sum / total;
            factor = 1 / total;
        }
        if (gradients) {
            double scale = chunk.upstream[token];
            for (int block = 0; block < blocks; block++) {
                long cell = at + block * stride;
                maxima.set(FLOAT, cell, (float) (maxima.get(FLOAT, cell) * factor * scale));
            }
            chunk.targetGradients[token] = (float) (-others * scale);
        }
    }
}
