package dev.panhead.head;

import dev.panhead.kernel.Packing;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A chunk's soft targets: w_j = alpha c_j q_j each. Their logits are noted as the tiles come by, and they are further terms of the gradients
 * beside the dense ones: with e_j = - g w_j du_j/dz_j, e_j W_j joins dL/dx_t, and e_j x_t joins row j of dL/dW. An entry that is the token's
 * target joins the target's own term instead, where nothing cancels.
 */
final class SoftEntries {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** The sum of a token's probabilities may exceed 1 by this, which roundings explain. */
    static final double MOST = 1.001;

    private final Chunk chunk;
    private final SoftTargets plan;
    private final int k;

    /** Of each token: [token][k]. */
    private final int[] rows;

    private final double[] weights;
    private final float[] logits;
    private final float[] gradients;

    /** Of each token: the sum of w over the target and over other entries, alpha R / V', and what KL divergence adds to the loss. */
    private final double[] onTarget;

    private final double[] onOthers;
    private final double[] evenShares;
    private final double[] negentropies;

    /** Entries by vocabulary block, group and token, and where those of a block and group begin. */
    private final int[] order;

    private final int[] starts;

    /** Sums of e_j W_j, [token][d]. */
    private final Matrix hiddenTerms;

    private ReadableMatrix weight;

    SoftEntries(Arena arena, Chunk chunk, SoftTargets plan) {
        this.chunk = chunk;
        this.plan = plan;
        k = plan.entries();
        int size = Math.multiplyExact(chunk.capacity, k);
        rows = new int[size];
        weights = new double[size];
        logits = new float[size];
        gradients = new float[size];
        order = new int[size];
        onTarget = new double[chunk.capacity];
        onOthers = new double[chunk.capacity];
        evenShares = new double[chunk.capacity];
        negentropies = new double[chunk.capacity];
        starts = new int[chunk.vocabularyBlocks() * (chunk.capacity / chunk.tile.columns()) + 1];
        hiddenTerms = Matrix.allocate(arena, chunk.capacity, chunk.width);
    }

    /** Bytes that they take for a chunk. */
    static long bytes(int capacity, int vocabulary, int width, SoftTargets plan) {
        long blocks = Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        return capacity * (24L * plan.entries() + 32 + (long) width * Float.BYTES + blocks) + 4;
    }

    /** Takes a token's as the chunk's i-th. */
    void take(HeadInputs inputs, int token, int i, Smoothing smoothing) {
        double sum = sum(inputs, token, k);
        boolean spread = plan.remainder() == SoftTargets.Remainder.SPREAD;
        double scale = plan.remainder() == SoftTargets.Remainder.SCALED ? 1 / sum : 1;
        double even = spread ? Math.max(0, 1 - sum) / smoothing.entries() : 0;
        double known = 0;
        double negentropy = 0;
        onTarget[i] = 0;
        onOthers[i] = 0;
        for (int j = 0; j < k; j++) {
            int row = inputs.softTargets().get(token * k + j);
            double probability =
                    row < 0 ? 0 : scale * inputs.softProbabilities().get(token, j);
            double classWeight = row < 0 ? 0 : inputs.classWeight(row);
            rows[i * k + j] = row;
            weights[i * k + j] = plan.share() * classWeight * probability;
            if (row == chunk.targets[i]) {
                onTarget[i] += weights[i * k + j];
            } else {
                onOthers[i] += weights[i * k + j];
            }
            known += classWeight;
            negentropy += classWeight * xLogX(probability + even);
        }
        evenShares[i] = plan.share() * even;
        if (spread) {
            negentropy += (smoothing.classes() - known) * xLogX(even);
        }
        boolean relative = plan.divergence() == SoftTargets.Divergence.KULLBACK_LEIBLER;
        negentropies[i] = relative ? plan.share() * negentropy : 0;
    }

    /** The sum of a token's given probabilities. */
    static double sum(HeadInputs inputs, int token, int k) {
        double sum = 0;
        for (int j = 0; j < k; j++) {
            sum += inputs.softTargets().get(token * k + j) < 0
                    ? 0
                    : inputs.softProbabilities().get(token, j);
        }
        return sum;
    }

    private static double xLogX(double x) {
        return x == 0 ? 0 : x * StrictMath.log(x);
    }

    /** Sorts the chunk's entries by counting. */
    void sort() {
        Arrays.fill(starts, 0);
        for (int e = 0; e < chunk.count * k; e++) {
            if (rows[e] >= 0) {
                starts[bin(e) + 1]++;
            }
        }
        for (int b = 1; b < starts.length; b++) {
            starts[b] += starts[b - 1];
        }
        for (int e = 0; e < chunk.count * k; e++) {
            if (rows[e] >= 0) {
                order[starts[bin(e)]++] = e;
            }
        }
        System.arraycopy(starts, 0, starts, 1, starts.length - 1); // each bin's begin has become its end
        starts[0] = 0;
    }

    private int bin(int entry) {
        return bin(rows[entry] / Chunk.VOCABULARY_BLOCK, entry / k / chunk.tile.columns());
    }

    private int bin(int block, int group) {
        return block * (chunk.capacity / chunk.tile.columns()) + group;
    }

    /** Notes the logits that are in a tile. */
    void note(int block, int group, MemorySegment tile) {
        int columns = chunk.tile.columns();
        for (int n = starts[bin(block, group)]; n < starts[bin(block, group) + 1]; n++) {
            int entry = order[n];
            int row = rows[entry] - chunk.row(block);
            int lane = entry / k - group * columns;
            logits[entry] = tile.get(FLOAT, ((long) row * columns + lane) * Float.BYTES);
        }
    }

    /** The sum of the i-th token's w over its target, and over its other entries. */
    double onTarget(int i) {
        return onTarget[i];
    }

    double onOthers(int i) {
        return onOthers[i];
    }

    /** What of the i-th token's alpha q each entry of the vocabulary has beside the given ones. */
    double evenShare(int i) {
        return evenShares[i];
    }

    /** The i-th token's alpha D but for what is spread, max being that of the entries other than the target. */
    double loss(int i, double max, TokenSoftmax softmax) {
        double loss = negentropies[i] + onTarget[i] * softmax.surprise;
        for (int e = i * k; e < i * k + k; e++) {
            if (weights[e] > 0 && rows[e] != chunk.targets[i]) {
                loss += weights[e] * (max - logits[e] - softmax.logFactor);
            }
        }
        return loss;
    }

    /** Computes the i-th token's e, without its capped logits' slopes if {@code bent} is null. */
    void differentiate(int i, LogitGradientPass bent) {
        double factor = -chunk.upstream[i] * chunk.scale(i);
        for (int e = i * k; e < i * k + k; e++) {
            boolean counts = weights[e] > 0 && rows[e] != chunk.targets[i];
            double slope = bent == null || !counts ? 1 : bent.slope(i, logits[e]);
            gradients[e] = counts ? (float) (factor * weights[e] * slope) : 0;
        }
    }

    /** Takes a call's weight, for the terms of dX. */
    void begin(ReadableMatrix weight) {
        this.weight = weight;
    }

    /** Lets go of it. */
    void end() {
        weight = null;
    }

    /** A task: sums up the terms of dX of a group of tokens. */
    void sumHidden(int group, int worker) {
        int first = group * chunk.tile.columns();
        for (int i = first; i < first + chunk.tokensIn(group); i++) {
            for (int c = 0; c < chunk.width; c++) {
                hiddenTerms.set(i, c, 0);
            }
            for (int e = i * k; e < i * k + k; e++) {
                if (gradients[e] != 0) {
                    Packing.addRow(
                            chunk.kernels,
                            chunk.strips[worker],
                            gradients[e],
                            weight,
                            rows[e],
                            0,
                            chunk.width,
                            hiddenTerms.segment(),
                            hiddenTerms.offset(i, 0));
                }
            }
        }
    }

    /** Adds the i-th token's terms to some columns of dL/dx_t. */
    void addToHidden(int i, int column, int columns, MemorySegment row, long at) {
        chunk.kernels.elements().addScaled(columns, 1, hiddenTerms.segment(), hiddenTerms.offset(i, column), row, at);
    }

    /**
     * Adds the terms of some tokens, in order, to rows of dW and db that lie in one vocabulary block.
     *
     * @param fromGroup where the tokens begin, and end ({@code toGroup}, exclusive)
     * @param slice where the rows' columns from {@code column} on go, or null
     * @param bias where db goes, or null
     */
    void addToWeight(
            int row, int rows, int fromGroup, int toGroup, int column, int columns, WeightSlice slice, Matrix bias) {
        int block = row / Chunk.VOCABULARY_BLOCK;
        for (int n = starts[bin(block, fromGroup)]; n < starts[bin(block, toGroup - 1) + 1]; n++) {
            int entry = order[n];
            int at = this.rows[entry];
            if (at < row || at >= row + rows || gradients[entry] == 0) {
                continue;
            }
            if (bias != null) {
                bias.set(0, at, bias.get(0, at) + gradients[entry]);
            }
            if (slice != null) {
                chunk.kernels
                        .elements()
                        .addScaled(
                                columns,
                                gradients[entry],
                                chunk.hidden.segment(),
                                chunk.hidden.offset(chunk.hiddenRow + entry / k, column),
                                slice.segment(),
                                slice.offset(at, column));
            }
        }
    }
}
