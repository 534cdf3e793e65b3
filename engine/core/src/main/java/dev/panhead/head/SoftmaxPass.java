package dev.panhead.head;

import dev.panhead.exec.Workers;
import java.lang.foreign.ValueLayout;

/**
 * Merges the blocks' statistics into what is known of each token, its loss above all, and, if gradients are wanted, into what makes
 * the exponentials dL/du = A p - q: a factor for each token and vocabulary block, and the target's gradient. A task is one group
 * of tokens.
 *
 * <p>With the loss as {@link HeadOptions} has it, g = dL/dl and h = dL/d(log p_a),
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
    private final TokenSoftmax[] softmaxes; // each worker's
    private final double targetShare;
    private final double zLoss;
    private boolean gradients;
    private Smoothing smoothing;
    private final SoftEntries soft;
    private LogitGradientPass elementwise;
    private Observations observations;

    SoftmaxPass(Chunk chunk, HeadOptions options, SoftEntries soft) {
        this.chunk = chunk;
        softmaxes = new TokenSoftmax[chunk.workers.size()];
        java.util.Arrays.setAll(softmaxes, worker -> new TokenSoftmax());
        this.soft = soft;
        double hard =
                options.softTargets() == null ? 1 : 1 - options.softTargets().share();
        targetShare = hard * (1 - options.labelSmoothing());
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
            finish(chunk.statistics(0, group) + (long) lane * Float.BYTES, first + lane, worker);
        }
    }

    /** One token's results; with gradients, the factors of its exponentials and the target's gradient. */
    private void finish(long at, int token, int worker) {
        TokenSoftmax softmax = softmaxes[worker];
        double sum = 0;
        long stride = chunk.statistics(1, 0);
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            long cell = at + block * stride;
            sum += (double) chunk.sums.get(FLOAT, cell) * chunk.maxima.get(FLOAT, cell);
        }
        float merged = chunk.merged.get(FLOAT, (long) token * Float.BYTES);
        float target = chunk.targetLogits.get(FLOAT, (long) token * Float.BYTES);
        float max = merged;
        softmax.shift = 1;
        softmax.rest = sum;
        if (soft != null) {
            max = soft.max(token, merged);
            softmax.shift = StrictMath.exp((double) merged - max);
            softmax.rest = sum * softmax.shift;
            sum = softmax.rest + soft.sum(token, max);
        }
        softmax.compute(target, max, sum);
        TokenResults results = chunk.results;
        results.negativeLogLikelihoods[token] = softmax.surprise;
        results.logSumExps[token] = softmax.logSumExp;
        results.losses[token] = loss(at, token, target, max, softmax);
        results.correct[token] = target > max;
        if (observations != null) {
            observe(token, at, target, max, softmax);
            if (observations.wantsTop) {
                observations.top.merge(token, target, max, softmax, worker);
            }
        }
        if (gradients) {
            differentiate(at, token, target, max, softmax);
        }
    }

    private double targetWeight(int token) {
        return chunk.classWeights[token] * targetShare;
    }

    private double loss(long at, int token, float target, float max, TokenSoftmax softmax) {
        double lse = softmax.logSumExp;
        double loss = targetWeight(token) * softmax.surprise + zLoss * lse * lse;
        if (soft != null) {
            loss += soft.loss(token, target, max, softmax.rest, softmax);
        }
        if (smoothing == null) {
            return loss;
        }
        return loss + (smoothing.isLinear() ? smoothing.loss(token, lse) : smoothing.loss(token, lse, weightedSum(at)));
    }

    /** B: what pulls the target up and all entries down. */
    private double pull(int token) {
        double weight = targetWeight(token) + (soft == null ? 0 : soft.onTarget(token));
        return chunk.upstream[token] * weight - chunk.logProbabilityUpstream[token];
    }

    /** A - B: what pulls all entries down. */
    private double push(int token, TokenSoftmax softmax) {
        double spread = (smoothing == null ? 0 : smoothing.weight(token)) + (soft == null ? 0 : soft.onOthers(token));
        return chunk.upstream[token] * (spread + 2 * zLoss * softmax.logSumExp);
    }

    /** dL/du of the target and of soft entries, and what makes it of the other exponentials or logits. */
    private void differentiate(long at, int token, float target, float max, TokenSoftmax softmax) {
        double pull = pull(token);
        double push = push(token, softmax);
        double scale = chunk.scale(token);
        double even = smoothing == null || smoothing.isLinear() ? 0 : chunk.upstream[token] * smoothing.share(token);
        double own = push * softmax.own - pull * softmax.others;
        chunk.gradientBounds[token] = Math.abs((pull + push) * scale);
        if (soft != null) {
            double all = pull + push;
            soft.differentiate(token, target, max, softmax.rest, all, even, softmax, elementwise, smoothing);
        }
        if (elementwise == null) {
            chunk.targetGradients[token] = (float) (own * scale);
            scale(at, softmax.shift * softmax.factor * ((pull + push) * scale));
            return;
        }
        double onEntropy = chunk.entropyUpstream[token];
        double entropy = onEntropy == 0 ? 0 : chunk.results.entropies[token];
        own += onEntropy * softmax.own * (softmax.surprise - entropy);
        own -= even == 0 ? 0 : even * smoothing.classWeight(chunk.targets[token]);
        chunk.targetGradients[token] = (float) (own * scale * elementwise.slope(token, target));
        double spread = even == 0 ? 0 : Math.abs(even) * smoothing.classes();
        chunk.gradientBounds[token] += scale * (2 * Math.abs(onEntropy) * entropy + spread);
        elementwise.prepare(token, at, max, softmax, (pull + push) * scale, entropy, even * scale);
    }

    /** The factors where they make the gradient of the exponentials. */
    private void scale(long at, double factor) {
        long stride = chunk.statistics(1, 0);
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            long cell = at + block * stride;
            chunk.maxima.set(FLOAT, cell, (float) (chunk.maxima.get(FLOAT, cell) * factor));
        }
    }

    /** The sum of c_v u_v over a token's entries. */
    private double weightedSum(long at) {
        double sum = 0;
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            sum += observations.weighted.get(FLOAT, at + block * chunk.statistics(1, 0));
        }
        return sum;
    }

    /** Entropy, prediction and rank, as far as they are wanted. */
    private void observe(int token, long at, float target, float max, TokenSoftmax softmax) {
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
                energy += softmax.shift
                        * decay
                        * (observations.energies.get(FLOAT, cell) + sum * ((double) blockMax - max));
            }
            if (observations.wantsIndices && blockMax == max && prediction == Integer.MAX_VALUE) {
                prediction = chunk.row(block) + (int) observations.indices.get(FLOAT, cell);
            }
            rank += observations.wantsCounts ? observations.counts.get(FLOAT, cell) : 0;
        }
        if (soft != null) {
            prediction = soft.firstOf(token, max, prediction);
            rank += observations.wantsCounts ? soft.countAbove(token, target) : 0;
            energy += observations.wantsEnergies ? soft.energy(token, max) : 0;
        }
        if (target > max) {
            prediction = chunk.targets[token];
        } else if (target == max) {
            prediction = Math.min(prediction, chunk.targets[token]);
        }
        chunk.results.entropies[token] = softmax.mixing - softmax.factor * energy;
        chunk.results.predictions[token] = prediction;
        chunk.results.ranks[token] = (int) rank;
    }
}
