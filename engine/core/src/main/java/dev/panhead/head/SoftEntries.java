package dev.panhead.head;

import dev.panhead.kernel.Packing;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A chunk's soft targets: w_j = alpha c_j q_j each. Like the target they are taken out of the tiles, so that nothing has to be subtracted from
 * a sum later: their exponentials join in double, and their gradients e_j, in which A p_j and w_j cancel, are made in double too; e_j W_j is
 * then a term of dL/dx_t, and e_j x_t one of row j of dL/dW. An entry that is the token's target joins the target's own term instead.
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
        int size = chunk.capacity * k;
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
        return capacity * (24L * plan.entries() + 32 + (long) width * Float.BYTES + blocks) + 4 + 4L * vocabulary;
    }

    /** Takes a token's as the chunk's i-th. */
    void take(HeadInputs inputs, int token, int i, Smoothing smoothing) {
        double sum = sum(inputs, token, k);
        boolean spread = plan.remainder() == SoftTargets.Remainder.SPREAD;
        double scale = plan.remainder() == SoftTargets.Remainder.SCALED ? 1 / sum : 1;
        double even = spread ? Math.max(0, 1 - sum) / smoothing.entries() : 0;
        boolean relative = plan.divergence() == SoftTargets.Divergence.KULLBACK_LEIBLER;
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
            negentropy += relative ? classWeight * xLogX(probability + even) : 0;
        }
        evenShares[i] = plan.share() * even;
        if (spread && relative) {
            negentropy += (smoothing.classes() - known) * xLogX(even);
        }
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

    /**
     * Notes the logits that are in a tile, and takes them out of it.
     *
     * @param top notes them too, or null
     */
    void takeOut(int block, int group, MemorySegment tile, TopEntries top, int worker) {
        int columns = chunk.tile.columns();
        for (int n = starts[bin(block, group)]; n < starts[bin(block, group) + 1]; n++) {
            int entry = order[n];
            int row = rows[entry] - chunk.row(block);
            int lane = entry / k - group * columns;
            long cell = ((long) row * columns + lane) * Float.BYTES;
            logits[entry] = tile.get(FLOAT, cell);
            if (rows[entry] != chunk.targets[entry / k]) {
                tile.set(FLOAT, cell, Float.NEGATIVE_INFINITY);
                if (top != null) {
                    top.take(logits[entry], rows[entry], entry / k, worker);
                }
            }
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

    private boolean isOther(int i, int entry) {
        return rows[entry] >= 0 && rows[entry] != chunk.targets[i];
    }

    /** The largest of {@code max} and the i-th token's soft logits. */
    float max(int i, float max) {
        float largest = max;
        for (int e = i * k; e < i * k + k; e++) {
            largest = isOther(i, e) ? Math.max(largest, logits[e]) : largest;
        }
        return largest;
    }

    /** The sum of e^(u_j - max) over the i-th token's soft logits. */
    double sum(int i, double max) {
        double sum = 0;
        for (int e = i * k; e < i * k + k; e++) {
            sum += isOther(i, e) ? StrictMath.exp(logits[e] - max) : 0;
        }
        return sum;
    }

    /** The sum of e^(u_j - max) (u_j - max) over the i-th token's soft logits. */
    double energy(int i, double max) {
        double energy = 0;
        for (int e = i * k; e < i * k + k; e++) {
            double above = logits[e] - max;
            energy += isOther(i, e) && above > Double.NEGATIVE_INFINITY ? StrictMath.exp(above) * above : 0;
        }
        return energy;
    }

    /** How many of the i-th token's soft logits are above its target's. */
    int countAbove(int i, float target) {
        int count = 0;
        for (int e = i * k; e < i * k + k; e++) {
            count += isOther(i, e) && logits[e] > target ? 1 : 0;
        }
        return count;
    }

    /** The lowest row of the i-th token's soft logits that equal {@code max}, and of {@code row}. */
    int firstOf(int i, float max, int row) {
        int first = row;
        for (int e = i * k; e < i * k + k; e++) {
            first = isOther(i, e) && logits[e] == max ? Math.min(first, rows[e]) : first;
        }
        return first;
    }

    /**
     * The i-th token's alpha D but for what is spread.
     *
     * @param max the largest logit of the entries other than the target
     * @param rest the sum of e^(u - max) over those that are neither target nor soft
     */
    double loss(int i, float target, double max, double rest, TokenSoftmax softmax) {
        double loss = negentropies[i] + onTarget[i] * softmax.surprise;
        for (int e = i * k; e < i * k + k; e++) {
            if (weights[e] > 0 && isOther(i, e)) {
                loss += weights[e] * surprise(i, e, target, max, rest, softmax);
            }
        }
        return loss;
    }

    /** -log p_j; of the largest logit from the sum over the others, so that it keeps its relative accuracy. */
    private double surprise(int i, int entry, float target, double max, double rest, TokenSoftmax softmax) {
        if (logits[entry] < max || logits[entry] < target) {
            return max - logits[entry] - softmax.logFactor;
        }
        return StrictMath.log1p(others(i, entry, target, max, rest));
    }

    /** The sum of e^(u - max) over all entries but one. */
    private double others(int i, int entry, float target, double max, double rest) {
        double sum = rest + StrictMath.exp(target - max);
        for (int e = i * k; e < i * k + k; e++) {
            sum += e != entry && isOther(i, e) ? StrictMath.exp(logits[e] - max) : 0;
        }
        return sum;
    }

    /**
     * Computes the i-th token's e: e_j = (g' p_j - dL/dl_t w_j + h p_j (surprise_j - H)) du_j/dz_j, the last term of an entropy's upstream
     * gradient.
     *
     * @param max as in {@link #loss}
     * @param weight g', what all entries but the target are pulled down with
     * @param even what is pulled up with at each entry, times c_j, if it is not {@link Smoothing}'s to do
     */
    void differentiate(
            int i,
            float target,
            double max,
            double rest,
            double weight,
            double even,
            TokenSoftmax softmax,
            LogitGradientPass bent,
            Smoothing smoothing) {
        double upstream = chunk.entropyUpstream[i];
        double entropy = upstream == 0 ? 0 : chunk.results.entropies[i];
        for (int e = i * k; e < i * k + k; e++) {
            double gradient = 0;
            if (isOther(i, e) && logits[e] > Float.NEGATIVE_INFINITY) {
                double exponential = StrictMath.exp(logits[e] - max);
                double p = exponential * softmax.factor;
                double lost = p < 0.5 ? 1 - p : others(i, e, target, max, rest) * softmax.factor;
                double pull = chunk.upstream[i] * weights[e];
                gradient = (weight - pull) * p - pull * lost;
                if (upstream != 0) {
                    gradient += upstream * p * (surprise(i, e, target, max, rest, softmax) - entropy);
                }
                if (even != 0) {
                    gradient -= even * smoothing.classWeight(rows[e]);
                }
                gradient *= chunk.scale(i) * (bent == null ? 1 : bent.slope(i, logits[e]));
            }
            gradients[e] = (float) gradient;
        }
    }

    /** Adds the i-th token's to its kept entries. */
    void addTo(GradientEntries kept, int i) {
        for (int e = i * k; e < i * k + k; e++) {
            if (gradients[e] != 0) {
                kept.add(i, rows[e], gradients[e]);
            }
        }
    }

    /**
     * How many of the logits that the tiles of a vocabulary block and group have are -infinity where the teacher is not 0.
     *
     * @param smoothing whose entries are counted with all others; or null
     */
    int countLost(int block, int group, Smoothing smoothing) {
        int count = 0;
        for (int n = starts[bin(block, group)]; n < starts[bin(block, group) + 1]; n++) {
            int entry = order[n];
            boolean lost = weights[entry] > 0 && logits[entry] == Float.NEGATIVE_INFINITY;
            boolean counted = smoothing != null && smoothing.counts(entry / k, rows[entry]);
            count += lost && !counted && isOther(entry / k, entry) ? 1 : 0;
        }
        return count;
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
