package dev.panhead.head;

import dev.panhead.exec.Workers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Merges the blocks' statistics into what is known of each token, its loss above all, and, if gradients are wanted, into what makes
 * the exponentials dL/du = A p - q: a factor for each token and vocabulary block, and the target's gradient. A task is one group
 * of tokens.
 *
 * <p>With m and S the maximum and the sum of exponentials over the entries other than the target a, and D = u_a - m:
 *
 * <pre>
 *   -log p_a = log1p(S e^-D),           1 - p_a = r / (1 + r),  r = S e^-D     if D >= 0
 *   -log p_a = log(S + e^D) - D,        1 - p_a = S / (S + e^D)                otherwise
 * </pre>
 *
 * so that nothing cancels, however confident the token is. With the loss as {@link HeadOptions} has it, g = dL/dl and h =
 * dL/d(log p_a),
 *
 * <pre>
 *   dL/du_v = A p_v - g eps / V' c_v,   A = g (c_a (1 - eps) + eps / V' sum of c + 2 lambda lse) - h       v other than a
 *   dL/du_a = (A - B) p_a - B (1 - p_a) - g eps / V' c_a,   B = g c_a (1 - eps) - h
 * </pre>
 *
 * of which {@link Smoothing} takes the terms without p; where a cap or an entropy's upstream gradient is in the way, {@link
 * LogitGradientPass} does all of it. These few operations a token are done in double, by the exactly specified
 * functions of {@link StrictMath}.
 */
final class SoftmaxPass implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Chunk chunk;
    private final double targetShare;
    private final double zLoss;
    private boolean gradients;
    private Smoothing smoothing;
    private LogitGradientPass elementwise;
    private Observations observations;

    SoftmaxPass(Chunk chunk, HeadOptions options) {
        this.chunk = chunk;
        targetShare = 1 - options.labelSmoothing();
        zLoss = options.zLoss();
    }

    /**
     * Finishes the chunk's tokens.
     *
     * @param gradients whether dL/du is wanted too
     * @param smoothing of the labels, or null for none
     * @param elementwise the pass that is to follow for the logits' gradient, or null if factors do
     * @param observations what else is wanted, or null for nothing
     */
    void run(boolean gradients, Smoothing smoothing, LogitGradientPass elementwise, Observations observations) {
        this.elementwise = elementwise;
        if (elementwise != null) {
            elementwise.keepMaxima();
        }
        this.gradients = gradients;
        this.smoothing = smoothing;
        this.observations = observations;
        if (observations != null) {
            observations.maxima.copyFrom(chunk.maxima);
        }
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
                        chunk.tokens(group));
        int first = group * lanes;
        int count = chunk.tokensIn(group);
        for (int lane = 0; lane < count; lane++) {
            finish(chunk.statistics(0, group) + (long) lane * Float.BYTES, first + lane);
        }
    }

    /** One token's results; with gradients, the factors of its exponentials and the target's gradient. */
    private void finish(long at, int token) {
        MemorySegment maxima = chunk.maxima;
        int blocks = chunk.vocabularyBlocks();
        long stride = chunk.statistics(1, 0);
        double sum = 0;
        for (int block = 0; block < blocks; block++) {
            sum += (double) chunk.sums.get(FLOAT, at + block * stride) * maxima.get(FLOAT, at + block * stride);
        }
        float max = chunk.merged.get(FLOAT, (long) token * Float.BYTES);
        float target = chunk.targetLogits.get(FLOAT, (long) token * Float.BYTES);
        double above = (double) target - max;
        double surprise; // -log p_a
        double logSumExp;
        double own; // p_a
        double others; // 1 - p_a
        double factor; // what makes p of e^(u - m)
        double logFactor;
        double mixing; // the entropy but for the sum of p (u - m) over the others
        if (above >= 0) {
            double decay = StrictMath.exp(-above);
            double ratio = sum * decay;
            surprise = above < Double.POSITIVE_INFINITY ? StrictMath.log1p(ratio) : Double.NaN;
            logSumExp = target + surprise;
            own = 1 / (1 + ratio);
            others = ratio / (1 + ratio);
            factor = decay / (1 + ratio);
            logFactor = -(surprise + above);
            mixing = surprise + others * above;
        } else {
            double total = sum + StrictMath.exp(above);
            double log = StrictMath.log(total);
            surprise = log - above;
            logSumExp = max + log;
            own = StrictMath.exp(above) / total;
            others = sum / total;
            factor = 1 / total;
            logFactor = -log;
            mixing = log - own * above;
        }
        double targetWeight = chunk.classWeights[token] * targetShare;
        double spread = smoothing == null ? 0 : smoothing.weight();
        double loss = targetWeight * surprise + zLoss * logSumExp * logSumExp;
        if (smoothing != null) {
            loss += smoothing.isLinear()
                    ? smoothing.loss(token, logSumExp, chunk.scale(token))
                    : smoothing.loss(chunk.targets[token], target, weightedSum(at), logSumExp);
        }
        TokenResults results = chunk.results;
        results.negativeLogLikelihoods[token] = surprise;
        results.logSumExps[token] = logSumExp;
        results.losses[token] = loss;
        results.correct[token] = target > max;
        if (observations != null) {
            observe(token, at, target, max, mixing, factor);
        }
        if (gradients) {
            double pull = chunk.upstream[token] * targetWeight - chunk.logProbabilityUpstream[token];
            double push = chunk.upstream[token] * (spread + 2 * zLoss * logSumExp);
            double scale = chunk.scale(token);
            if (elementwise != null) {
                double entropy = chunk.entropyUpstream[token] == 0 ? 0 : results.entropies[token];
                double surplus = chunk.entropyUpstream[token] * own * (surprise - entropy);
                double share = smoothing == null ? 0 : chunk.upstream[token] * smoothing.share();
                double spreadHere = smoothing == null || smoothing.isLinear()
                        ? 0
                        : share * smoothing.classWeight(chunk.targets[token]);
                double slope = elementwise.slope(token, target);
                elementwise.prepare(token, at, max, factor, logFactor, (pull + push) * scale, entropy, share * scale);
                chunk.targetGradients[token] =
                        (float) ((push * own - pull * others + surplus - spreadHere) * scale * slope);
                return;
            }
            for (int block = 0; block < blocks; block++) {
                long cell = at + block * stride;
                maxima.set(FLOAT, cell, (float) (maxima.get(FLOAT, cell) * factor * ((pull + push) * scale)));
            }
            chunk.targetGradients[token] = (float) ((push * own - pull * others) * scale);
        }
    }

    /** The sum of c_v u_v over a token's entries other than the target. */
    private double weightedSum(long at) {
        double sum = 0;
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            sum += observations.weighted.get(FLOAT, at + block * chunk.statistics(1, 0));
        }
        return sum;
    }

    /** Entropy, prediction and rank, as far as they are wanted. */
    private void observe(int token, long at, float target, float max, double mixing, double factor) {
        long stride = chunk.statistics(1, 0);
        double energy = 0; // the sum of e^(u - m) (u - m) over the others
        int prediction = Integer.MAX_VALUE;
        double rank = 1;
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            long cell = at + block * stride;
            float decay = chunk.maxima.get(FLOAT, cell);
            float blockMax = observations.maxima.get(FLOAT, cell);
            if (observations.wantsEnergies && decay > 0) {
                double sum = chunk.sums.get(FLOAT, cell);
                energy += decay * (observations.energies.get(FLOAT, cell) + sum * ((double) blockMax - max));
            }
            if (observations.wantsIndices && blockMax == max && prediction == Integer.MAX_VALUE) {
                prediction = chunk.row(block) + (int) observations.indices.get(FLOAT, cell);
            }
            rank += observations.wantsCounts ? observations.counts.get(FLOAT, cell) : 0;
        }
        if (target > max) {
            prediction = chunk.targets[token];
        } else if (target == max) {
            prediction = Math.min(prediction, chunk.targets[token]);
        }
        chunk.results.entropies[token] = mixing - factor * energy;
        chunk.results.predictions[token] = prediction;
        chunk.results.ranks[token] = (int) rank;
    }
}
