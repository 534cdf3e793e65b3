package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.reference.Oracle;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.BitSet;

/** A head's inputs, options and outputs with some features. */
final class FeatureCase {

    /** Something that a head can be asked for, or be met with. */
    enum Feature {
        NONE,
        SUM,
        APART,
        LOG_PROBABILITY_UPSTREAM,
        ENTROPY_UPSTREAM,
        IGNORED,
        MASK,
        BIAS,
        TAKEN_OUT,
        TOKEN_WEIGHTS,
        CLASS_WEIGHTS,
        DIVISOR,
        SMOOTHING,
        SOFT_DROPPED,
        SOFT_SCALED,
        SOFT_SPREAD,
        TOP,
        LEAN,
        Z_LOSS,
        SOFTCAP,
        SCALE,
        SCALES,
        CONFIDENT,
        OFFSET,
        ACCUMULATE;

        boolean isReduction() {
            return this == SUM || isApart();
        }

        boolean isSoft() {
            return this == SOFT_DROPPED || this == SOFT_SCALED || this == SOFT_SPREAD;
        }

        boolean isApart() {
            return this == APART || this == LOG_PROBABILITY_UPSTREAM || this == ENTROPY_UPSTREAM;
        }

        /** Whether the two are refused together, or are the same kind of thing. */
        boolean excludes(Feature other) {
            return isSoft() && other.isSoft() && this != other
                    || isReduction() && other == DIVISOR
                    || isApart() && other == TOKEN_WEIGHTS
                    || this == SUM && other.isApart();
        }
    }

    final int tokens;
    final int vocabulary;
    final int width;
    final Matrix hidden;
    final Matrix weight;
    final Ints targets;
    HeadInputs inputs;
    HeadOptions options = HeadOptions.DEFAULT;
    final Matrix dX;
    final Matrix dW;
    final Matrix db;
    final Matrix losses;
    final Matrix logProbabilities;
    final Matrix logSumExps;
    final Matrix entropies;
    final Ints predictions;
    final Ints ranks;
    Ints topRows;
    Matrix topLogProbabilities;
    HeadOutputs outputs;
    private final Arena arena;
    private final Workers workers;
    private final Numbers numbers;

    FeatureCase(Arena arena, Workers workers, int tokens, int vocabulary, int width) {
        this.arena = arena;
        this.workers = workers;
        this.tokens = tokens;
        this.vocabulary = vocabulary;
        this.width = width;
        numbers = new Numbers(tokens * 31L + vocabulary);
        hidden = numbers.padded(arena, tokens, width, 1);
        weight = numbers.padded(arena, vocabulary, width, 0.5f);
        targets = numbers.targets(tokens, vocabulary);
        inputs = HeadInputs.of(hidden, weight, targets);
        dX = Numbers.nanPadded(arena, tokens, width);
        dW = Numbers.nanPadded(arena, vocabulary, width);
        db = Numbers.nanPadded(arena, 1, vocabulary);
        losses = Numbers.nanPadded(arena, 1, tokens);
        logProbabilities = Numbers.nanPadded(arena, 1, tokens);
        logSumExps = Numbers.nanPadded(arena, 1, tokens);
        entropies = Numbers.nanPadded(arena, 1, tokens);
        predictions = Ints.allocate(arena, tokens);
        ranks = Ints.allocate(arena, tokens);
        outputs = HeadOutputs.gradients(dX, dW)
                .withBias(Gradient.write(db))
                .withLosses(losses)
                .withLogProbabilities(logProbabilities)
                .withLogSumExps(logSumExps)
                .withEntropies(entropies)
                .withPredictions(predictions)
                .withRanks(ranks);
    }

    /** Numbers from 0.5 to 1.5. */
    Matrix positive(int count) {
        Matrix row = numbers.padded(arena, 1, count, 1);
        for (int i = 0; i < count; i++) {
            row.set(0, i, 1 + 0.5f * (float) Math.tanh(row.get(0, i)));
        }
        return row;
    }

    private Matrix bias() {
        Matrix bias = inputs.bias();
        return bias == null ? numbers.padded(arena, 1, vocabulary, 1) : bias;
    }

    void with(Feature feature) {
        switch (feature) {
            case NONE -> {}
            case SUM -> options = options.withReduction(Reduction.SUM);
            case APART -> {
                options = options.withReduction(Reduction.NONE);
                inputs = inputs.withUpstream(numbers.padded(arena, 1, tokens, 1));
            }
            case LOG_PROBABILITY_UPSTREAM -> {
                options = options.withReduction(Reduction.NONE);
                inputs = inputs.withLogProbabilityUpstream(numbers.padded(arena, 1, tokens, 1));
            }
            case ENTROPY_UPSTREAM -> {
                options = options.withReduction(Reduction.NONE);
                inputs = inputs.withEntropyUpstream(numbers.padded(arena, 1, tokens, 1));
            }
            case IGNORED -> {
                for (int t = 1; t < tokens; t += 3) {
                    targets.set(t, HeadOptions.IGNORE_INDEX);
                    hidden.rows(t, t + 1).fill(Float.NaN);
                }
            }
            case MASK -> {
                BitSet mask = new BitSet();
                for (int t = 0; t < tokens; t++) {
                    mask.set(t, t % 4 != 2);
                    if (t % 4 == 2) {
                        targets.set(t, -7); // whatever it is
                    }
                }
                inputs = inputs.withMask(mask);
            }
            case BIAS -> inputs = inputs.withBias(bias());
            case TAKEN_OUT -> {
                Matrix bias = bias();
                bias.set(0, vocabulary - 1, Float.NEGATIVE_INFINITY);
                for (int t = 0; t < tokens; t++) {
                    if (targets.get(t) == vocabulary - 1) {
                        targets.set(t, 0);
                    }
                }
                inputs = inputs.withBias(bias);
            }
            case TOKEN_WEIGHTS -> {
                Matrix weights = positive(tokens);
                weights.set(0, 0, 0);
                inputs = inputs.withTokenWeights(weights);
            }
            case CLASS_WEIGHTS -> {
                Matrix weights = positive(vocabulary);
                weights.set(0, 1, 0);
                inputs = inputs.withClassWeights(weights);
            }
            case DIVISOR -> inputs = inputs.withDivisor(3.5 * tokens);
            case SMOOTHING -> options = options.withLabelSmoothing(0.1);
            case SOFT_DROPPED -> soft(1, SoftTargets.Remainder.DROPPED, SoftTargets.Divergence.CROSS_ENTROPY);
            case SOFT_SCALED -> soft(0.7, SoftTargets.Remainder.SCALED, SoftTargets.Divergence.KULLBACK_LEIBLER);
            case SOFT_SPREAD -> soft(0.4, SoftTargets.Remainder.SPREAD, SoftTargets.Divergence.KULLBACK_LEIBLER);
            case TOP -> {
                int k = Math.min(4, vocabulary);
                topRows = Ints.allocate(arena, tokens * k);
                topLogProbabilities = Numbers.nanPadded(arena, tokens, k);
                options = options.withTopK(k);
                outputs = outputs.withTopRows(topRows).withTopLogProbabilities(topLogProbabilities);
            }
            case LEAN -> options = options.withLean(true);
            case Z_LOSS -> options = options.withZLoss(0.01);
            case SOFTCAP -> options = options.withSoftcap(3);
            case SCALE -> options = options.withLogitScale(0.7f);
            case SCALES -> inputs = inputs.withLogitScales(positive(tokens));
            case CONFIDENT -> {
                for (int t = 0; t < tokens; t += 2) {
                    for (int k = 0; k < width && targets.get(t) >= 0; k++) {
                        hidden.set(t, k, hidden.get(t, k) + 9 * weight.get(targets.get(t), k));
                    }
                }
            }
            case OFFSET -> {
                Matrix bias = bias();
                for (int v = 0; v < vocabulary; v++) {
                    bias.set(0, v, bias.get(0, v) + 1e4f);
                }
                inputs = inputs.withBias(bias);
            }
            case ACCUMULATE -> {
                dX.fill(0.25f);
                dW.fill(0.25f);
                db.fill(0.25f);
                outputs = outputs.withHidden(Gradient.add(dX))
                        .withWeight(Gradient.add(dW))
                        .withBias(Gradient.add(db));
            }
        }
    }

    /** Three entries of each token, one of them often the target; their probabilities add up to less than 1. */
    private void soft(double share, SoftTargets.Remainder remainder, SoftTargets.Divergence divergence) {
        options = options.withSoftTargets(new SoftTargets(3, share, remainder, divergence));
        Ints rows = Ints.allocate(arena, 3 * tokens);
        Matrix probabilities = Numbers.nanPadded(arena, tokens, 3);
        for (int t = 0; t < tokens; t++) {
            int target = Math.max(0, targets.get(t)) % (vocabulary - 1);
            int second = (target + 1 + numbers.below(vocabulary - 3)) % (vocabulary - 1); // the last may be taken out
            rows.set(3 * t, second);
            rows.set(3 * t + 1, t % 3 == 0 ? -1 : target);
            rows.set(3 * t + 2, (second + 1) % (vocabulary - 1) == target ? -1 : (second + 1) % (vocabulary - 1));
            probabilities.set(t, 0, 0.3f + 0.01f * numbers.below(10));
            probabilities.set(t, 1, 0.2f);
            probabilities.set(t, 2, 0.1f);
        }
        inputs = inputs.withSoftTargets(rows, probabilities);
    }

    HeadResult run() {
        return new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, options).run(inputs, outputs);
    }

    /** A bound of a scaled logit's error: gamma of its length times what it is the sum of. */
    double logitError() {
        double largest = 0;
        for (int t = 0; t < tokens; t++) {
            for (int v = 0; v < vocabulary && targets.get(t) >= 0; v++) {
                double size = inputs.bias() == null || inputs.bias().get(0, v) == Float.NEGATIVE_INFINITY
                        ? 0
                        : Math.abs(inputs.bias().get(0, v));
                for (int k = 0; k < width; k++) {
                    size += Math.abs((double) hidden.get(t, k) * weight.get(v, k));
                }
                float scale =
                        inputs.logitScales() == null ? 1 : inputs.logitScales().get(0, t);
                largest = Math.max(largest, size * scale * options.logitScale());
            }
        }
        return (width + 10) * Oracle.U * largest;
    }
}
