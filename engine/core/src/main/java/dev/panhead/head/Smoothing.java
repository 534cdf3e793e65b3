package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Packing;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What label smoothing adds, without touching a logit: the smoothed share of a token's loss has its logits' weighted sum in it, and
 * that is linear in x_t,
 *
 * <pre>
 *   sum over v of c_v u_v = s_t (x_t . m + beta),   m = sum over v of c_v W_v,   beta = sum over v of c_v b_v
 * </pre>
 *
 * so that, with k_t = dL/dl_t s_t eps / V', it takes k_t m from dL/dx_t and c_v (sum of k_t x_t) from dL/dW_v. Entries that a
 * bias of -infinity has taken out have no share. A vocabulary block's rows of m are added in float32, the
 * blocks in double: where all logits have a large offset in common, the smoothed share of the loss errs by some 1e-6 of it.
 */
final class Smoothing {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Chunk chunk;
    private final double smoothing; // the share of labels that is spread evenly, but for a teacher's
    private final SoftEntries soft;
    private int entries;
    private final boolean linear;
    private final Workers.Task summing = this::sumBlock;

    /** m of each vocabulary block, [vocabulary block][d]; all of it in double; rounded. */
    private final MemorySegment blocks;

    private final double[] mean;
    private final MemorySegment rounded;

    /** The sums of k_t x_t of each token block, [token block][d]. */
    private final MemorySegment tokens;

    /** Each entry's c_v, 0 where it is out, for the sums of logits that are not linear; or null. */
    private final MemorySegment weights;

    private HeadInputs inputs;
    private double beta;
    private double classes;
    private double share;

    Smoothing(Arena arena, Chunk chunk, HeadOptions options, SoftEntries soft) {
        this.chunk = chunk;
        this.soft = soft;
        SoftTargets plan = options.softTargets();
        smoothing = options.labelSmoothing() * (plan == null ? 1 : 1 - plan.share());
        linear = isLinear(options);
        weights = linear ? null : Chunk.allocate(arena, chunk.vocabulary);
        blocks = Chunk.allocate(arena, (long) chunk.vocabularyBlocks() * chunk.width);
        mean = new double[chunk.width];
        rounded = Chunk.allocate(arena, chunk.width);
        tokens = Chunk.allocate(arena, (long) Math.ceilDiv(chunk.capacity, Chunk.TOKEN_BLOCK) * chunk.width);
    }

    /** Bytes that the scratch of a chunk takes. */
    static long bytes(int capacity, int vocabulary, int width, HeadOptions options) {
        long rows =
                (long) Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK) + Math.ceilDiv(capacity, Chunk.TOKEN_BLOCK) + 1;
        long weights = isLinear(options) ? 0 : (long) vocabulary * Float.BYTES;
        return rows * width * Float.BYTES + (long) width * Double.BYTES + weights;
    }

    private static boolean isLinear(HeadOptions options) {
        return !(options.softcap() > 0);
    }

    /** Takes a call's weight, bias and class weights. */
    void begin(HeadInputs inputs) {
        this.inputs = inputs;
        if (linear) {
            sumWeight();
        }
        beta = 0;
        classes = 0;
        entries = 0;
        for (int v = 0; v < chunk.vocabulary; v++) {
            if (!linear) {
                weights.set(FLOAT, v * (long) Float.BYTES, isIn(v) ? (float) inputs.classWeight(v) : 0);
            }
            if (isIn(v)) {
                entries++;
                classes += inputs.classWeight(v);
                beta += inputs.bias() == null
                        ? 0
                        : inputs.classWeight(v) * inputs.bias().get(0, v);
            }
        }
        share = smoothing / entries;
    }

    private void sumWeight() {
        chunk.workers.run(chunk.vocabularyBlocks(), summing);
        for (int k = 0; k < chunk.width; k++) {
            double sum = 0;
            for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
                sum += blocks.get(FLOAT, offset(block, k));
            }
            mean[k] = sum;
            rounded.set(FLOAT, offset(0, k), (float) sum);
        }
    }

    /** Whether all this holds: a soft cap bends the logits, and what is smoothed is then summed from them, and subtracted with them. */
    boolean isLinear() {
        return linear;
    }

    /** What of the i-th token's loss each entry has, eps / V' and what is spread of a teacher's distribution; times c_v. */
    double share(int i) {
        return soft == null ? share : share + soft.evenShare(i);
    }

    /** Each entry's weight in the sum of a token's logits, where that is not linear. */
    MemorySegment weights() {
        return weights;
    }

    /** V', and the sum of c over those entries. */
    int entries() {
        return entries;
    }

    double classes() {
        return classes;
    }

    /** c_v. */
    double classWeight(int row) {
        return inputs.classWeight(row);
    }

    /** Lets go of the call's inputs. */
    void end() {
        inputs = null;
    }

    /** Whether the i-th token's loss has a share of an entry. */
    boolean counts(int i, int row) {
        return share(i) > 0 && isIn(row) && inputs.classWeight(row) > 0;
    }

    private boolean isIn(int row) {
        return inputs.bias() == null || inputs.bias().get(0, row) != Float.NEGATIVE_INFINITY;
    }

    private long offset(int row, int column) {
        return ((long) row * chunk.width + column) * Float.BYTES;
    }

    private void clear(MemorySegment rows, int row) {
        for (int k = 0; k < chunk.width; k++) {
            rows.set(FLOAT, offset(row, k), 0);
        }
    }

    private void sumBlock(int block, int worker) {
        clear(blocks, block);
        for (int v = chunk.row(block); v < chunk.row(block) + chunk.rows(block); v++) {
            if (isIn(v) && inputs.classWeight(v) > 0) {
                Packing.addRow(
                        chunk.kernels,
                        chunk.strips[worker],
                        (float) inputs.classWeight(v),
                        inputs.weight(),
                        v,
                        0,
                        chunk.width,
                        blocks,
                        offset(block, 0));
            }
        }
    }

    /** What the smoothed share of the i-th token weighs, summed over v. */
    double weight(int i) {
        return share(i) * classes;
    }

    /** The smoothed share of the loss of the chunk's i-th token: the sum over v of c_v (lse - u_v), times the share. */
    double loss(int i, double logSumExp) {
        double dot = beta;
        for (int k = 0; k < chunk.width; k++) {
            dot += mean[k] * chunk.hidden.get(chunk.hiddenRow + i, k);
        }
        return loss(i, logSumExp, chunk.scale(i) * dot);
    }

    /** The same from the sum of c_v u_v. */
    double loss(int i, double logSumExp, double sum) {
        double share = share(i);
        return share == 0 ? 0 : share * (classes * logSumExp - sum);
    }

    /** Takes the chunk's i-th token's share from some columns of dL/dx_t. */
    void subtractFromHidden(int i, int column, int columns, MemorySegment row, long at) {
        chunk.kernels.elements().addScaled(columns, -coefficient(i), rounded, offset(0, column), row, at);
    }

    /** k_t of the chunk's i-th token. */
    private float coefficient(int i) {
        return (float) (chunk.upstream[i] * chunk.scale(i) * share(i));
    }

    /** Sums k_t x_t over a token block, in order. */
    void sumTokens(int tokenBlock) {
        clear(tokens, tokenBlock);
        int from = tokenBlock * Chunk.TOKEN_BLOCK;
        for (int i = from; i < Math.min(from + Chunk.TOKEN_BLOCK, chunk.count); i++) {
            chunk.kernels
                    .elements()
                    .addScaled(
                            chunk.width,
                            coefficient(i),
                            chunk.hidden.segment(),
                            chunk.hidden.offset(chunk.hiddenRow + i, 0),
                            tokens,
                            offset(tokenBlock, 0));
        }
    }

    /** Takes a token block's share from some columns of dL/dW_v. */
    void subtractFromWeight(int tokenBlock, int row, int column, int columns, MemorySegment into, long at) {
        if (isIn(row)) {
            chunk.kernels
                    .elements()
                    .addScaled(columns, (float) -inputs.classWeight(row), tokens, offset(tokenBlock, column), into, at);
        }
    }

    /** The sum of k_t over a token block, in order. */
    float sumOfCoefficients(int tokenBlock) {
        double sum = 0;
        int from = tokenBlock * Chunk.TOKEN_BLOCK;
        for (int i = from; i < Math.min(from + Chunk.TOKEN_BLOCK, chunk.count); i++) {
            sum += coefficient(i);
        }
        return (float) sum;
    }

    /** Takes a token block's share from db_v; {@code sum} is {@link #sumOfCoefficients}. */
    void subtractFromBias(float sum, int row, Matrix into) {
        if (isIn(row)) {
            into.set(0, row, Math.fma((float) -inputs.classWeight(row), sum, into.get(0, row)));
        }
    }
}
