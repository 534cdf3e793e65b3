package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.FeatureCase.Feature;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.reference.OptionsOracle;
import dev.panhead.reference.Oracle;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.stream.Stream;
import org.apache.commons.math3.linear.RealMatrix;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Each thing a head can be asked for, alone and with each other one, against the double-precision oracle. */
class HeadFeaturesTest {

    private static Arena arena;
    private static Workers workers;

    @BeforeAll
    static void start() {
        arena = Arena.ofShared();
        workers = new Workers(2);
    }

    @AfterAll
    static void end() {
        workers.close();
        arena.close();
    }

    static Stream<Arguments> pairs() {
        int[][] shapes = {{7, 5, 3}, {41, 409, 24}, {300, 23, 9}};
        return Stream.of(shapes).flatMap(shape -> Stream.of(Feature.values()).flatMap(one -> Stream.of(Feature.values())
                .filter(other -> one.compareTo(other) <= 0)
                .filter(other -> !one.excludes(other) && !other.excludes(one))
                .map(other -> Arguments.of(shape[0], shape[1], shape[2], one, other))));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void agreesWithTheOracle(int tokens, int vocabulary, int width, Feature one, Feature other) {
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = new FeatureCase(local, workers, tokens, vocabulary, width);
            c.with(one);
            if (other != one) {
                c.with(other);
            }
            HeadResult result = c.run();
            OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
            double e = c.logitError();
            double lse = 0;
            int counted = 0;
            double likelihood = 0;
            for (int t = 0; t < tokens; t++) {
                if (!oracle.counts(t)) {
                    assertEquals(0, c.losses.get(0, t));
                    assertEquals(0, c.logProbabilities.get(0, t));
                    assertEquals(0, c.entropies.get(0, t));
                    assertEquals(-1, c.predictions.get(t));
                    assertEquals(0, c.ranks.get(t));
                    continue;
                }
                counted++;
                likelihood -= oracle.logProbabilities[t];
                lse = Math.max(lse, Math.abs(oracle.logSumExps[t]));
                double z = c.options.zLoss() * (2 * Math.abs(oracle.logSumExps[t]) + 1);
                double sizes = 4 * Oracle.U * (1 + oracle.losses[t]);
                assertEquals(oracle.losses[t], c.losses.get(0, t), (4 + z) * e + sizes);
                assertEquals(oracle.logProbabilities[t], c.logProbabilities.get(0, t), 3 * e + sizes);
                assertEquals(
                        oracle.logSumExps[t],
                        c.logSumExps.get(0, t),
                        2 * e + 4 * Oracle.U * (1 + Math.abs(oracle.logSumExps[t])));
                // dH = -sum of p (log p + H) du, and float32 sums of at most 192 terms of log p
                double width1 = 2 + Math.log(vocabulary);
                assertEquals(oracle.entropies[t], c.entropies.get(0, t), 4 * width1 * (e + 200 * Oracle.U));
                checkOrder(c, oracle.logits, t, e);
                checkTop(c, oracle.logits, oracle.logSumExps[t], t, e);
            }
            assertEquals(counted, result.tokens());
            assertEquals(tokens - counted, result.ignored());
            double worst = (4 + c.options.zLoss() * (2 * lse + 1))
                    * e
                    * (c.options.reduction() == Reduction.MEAN ? 2 : 2 * tokens);
            assertEquals(oracle.loss, result.loss(), worst + 1e-6 * Math.abs(oracle.loss));
            assertEquals(Math.exp(likelihood / counted), result.perplexity(), 4 * e * result.perplexity() + 1e-9);

            double shift = one == Feature.ACCUMULATE || other == Feature.ACCUMULATE ? 0.25 : 0;
            // a logit's error moves p by a factor e^(2 e); z-loss moves its weight by 2 lambda e
            double relative = Math.expm1(4 * e) + 2 * c.options.zLoss() * e + 16 * Oracle.U;
            if (c.inputs.entropyUpstream() != null) {
                relative += 4 * (2 + Math.log(vocabulary)) * (e + 200 * Oracle.U); // the entropy's own error
            }
            check(c.dX, oracle.dX, oracle.absX, shift, relative + (200 + vocabulary / 100) * Oracle.U);
            check(c.dW, oracle.dW, oracle.absW, shift, relative + (270 + tokens / 100) * Oracle.U);
            check(c.db, oracle.db, oracle.absB, shift, relative + (270 + tokens / 100) * Oracle.U);
        }
    }

    private static void check(Matrix computed, RealMatrix exact, RealMatrix sizes, double shift, double bound) {
        assertTrue(Oracle.error(computed, exact.scalarAdd(shift), sizes.scalarAdd(shift)) <= bound);
        assertTrue(Numbers.paddingIntact(computed));
    }

    /** Prediction and rank are those of the exact logits, up to entries that are too close to tell. */
    private static void checkOrder(FeatureCase c, RealMatrix logits, int t, double e) {
        double target = logits.getEntry(t, c.targets.get(t));
        double predicted = logits.getEntry(t, c.predictions.get(t));
        int surely = 1;
        int maybe = 1;
        for (int v = 0; v < c.vocabulary; v++) {
            double logit = logits.getEntry(t, v);
            assertTrue(predicted >= logit - 2 * e, "prediction of token " + t);
            surely += v != c.targets.get(t) && logit > target + 2 * e ? 1 : 0;
            maybe += v != c.targets.get(t) && logit > target - 2 * e ? 1 : 0;
        }
        assertTrue(c.ranks.get(t) >= surely && c.ranks.get(t) <= maybe, "rank of token " + t);
    }

    /** The top entries are those of the exact logits, up to what is too close to tell, in order, and none twice. */
    private static void checkTop(FeatureCase c, RealMatrix logits, double lse, int t, double e) {
        int k = c.options.topK();
        double[] exact = logits.getRow(t);
        java.util.Arrays.sort(exact);
        BitSet seen = new BitSet();
        for (int j = 0; j < k; j++) {
            int row = c.topRows.get(t * k + j);
            double best = exact[c.vocabulary - 1 - j];
            if (best == Double.NEGATIVE_INFINITY) {
                assertEquals(-1, row);
                assertEquals(Float.NEGATIVE_INFINITY, c.topLogProbabilities.get(t, j));
                continue;
            }
            assertEquals(best, logits.getEntry(t, row), 2 * e);
            double bound = 3 * e + 4 * Oracle.U * (1 + Math.abs(best - lse));
            assertEquals(logits.getEntry(t, row) - lse, c.topLogProbabilities.get(t, j), bound);
            assertTrue(!seen.get(row), "row " + row + " twice");
            seen.set(row);
        }
        assertTrue(k == 0 || c.predictions.get(t) == c.topRows.get(t * k));
    }

    /** The oracle's gradients are the differences of its loss, for every pair. */
    @ParameterizedTest
    @MethodSource("pairs")
    void theOraclesGradientsAreFiniteDifferences(int tokens, int vocabulary, int width, Feature one, Feature other) {
        if (tokens > 10) {
            return;
        }
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = new FeatureCase(local, workers, tokens, vocabulary, width);
            c.with(one);
            if (other != one) {
                c.with(other);
            }
            OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
            for (int i = 0; i < tokens * width + vocabulary * width; i++) {
                boolean hidden = i < tokens * width;
                int j = hidden ? i : i - tokens * width;
                if (hidden && !oracle.counts(j / width)) {
                    continue;
                }
                Matrix parameter = hidden ? c.hidden : c.weight;
                RealMatrix gradient = hidden ? oracle.dX : oracle.dW;
                float at = parameter.get(j / width, j % width);
                float up = at + 0x1p-9f;
                float down = at - 0x1p-9f;
                parameter.set(j / width, j % width, up);
                double above = objective(c);
                parameter.set(j / width, j % width, down);
                double below = objective(c);
                parameter.set(j / width, j % width, at);
                double difference = (above - below) / ((double) up - down);
                double exact = gradient.getEntry(j / width, j % width);
                assertEquals(difference, exact, 2e-4 * (1 + Math.abs(exact)));
            }
        }
    }

    /** What the gradients are of: the loss, or with reduction NONE the sum of what has an upstream gradient, times that. */
    private static double objective(FeatureCase c) {
        OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
        if (c.options.reduction() != Reduction.NONE) {
            return oracle.loss;
        }
        double sum = 0;
        for (int t = 0; t < c.tokens; t++) {
            if (oracle.counts(t)) {
                sum += c.inputs.upstream() == null ? 0 : c.inputs.upstream().get(0, t) * oracle.losses[t];
                sum += c.inputs.logProbabilityUpstream() == null
                        ? 0
                        : c.inputs.logProbabilityUpstream().get(0, t) * oracle.logProbabilities[t];
                sum += c.inputs.entropyUpstream() == null
                        ? 0
                        : c.inputs.entropyUpstream().get(0, t) * oracle.entropies[t];
            }
        }
        return sum;
    }

    @Test
    void equalLogitsArePredictedByTheFirstAndRankTheTargetFirst() {
        FeatureCase c = new FeatureCase(arena, workers, 3, 500, 4);
        c.weight.fill(1);
        HeadResult result = c.run();
        for (int t = 0; t < 3; t++) {
            assertEquals(0, c.predictions.get(t));
            assertEquals(1, c.ranks.get(t));
            assertEquals(Math.log(500), c.entropies.get(0, t), 1e-6);
        }
        assertEquals(0, result.correct());
        assertEquals(500, result.perplexity(), 1e-4);
    }

    @Test
    void figuresThatAreNotAskedForChangeNothing() {
        FeatureCase c = new FeatureCase(arena, workers, 41, 409, 24);
        c.with(Feature.SMOOTHING);
        c.run();
        int[][] all = {Numbers.bits(c.losses), Numbers.bits(c.dX), Numbers.bits(c.dW), Numbers.bits(c.db)};
        c.outputs =
                HeadOutputs.gradients(c.dX, c.dW).withBias(Gradient.write(c.db)).withLosses(c.losses);
        c.run();
        int[][] few = {Numbers.bits(c.losses), Numbers.bits(c.dX), Numbers.bits(c.dW), Numbers.bits(c.db)};
        for (int i = 0; i < all.length; i++) {
            assertArrayEquals(all[i], few[i]);
        }
        int[] entropies = Numbers.bits(c.entropies);
        c.outputs = HeadOutputs.NONE.withEntropies(c.entropies).withRanks(c.ranks);
        c.entropies.fill(0);
        c.run();
        assertArrayEquals(entropies, Numbers.bits(c.entropies));
    }

    @Test
    void microBatchesWithTheWholeBatchsDivisorAddUpToIt() {
        FeatureCase whole = new FeatureCase(arena, workers, 600, 37, 11);
        whole.with(Feature.SMOOTHING);
        whole.with(Feature.Z_LOSS);
        whole.with(Feature.CLASS_WEIGHTS);
        whole.inputs = whole.inputs.withDivisor(600);
        double loss = whole.run().loss();
        Matrix dW = Matrix.allocate(arena, 37, 11);
        double sum = 0;
        for (int from = 0; from < 600; from += 256) { // a reduction block, so that the bits are the same
            int to = Math.min(600, from + 256);
            HeadInputs part = HeadInputs.of(whole.hidden.rows(from, to), whole.weight, whole.targets.view(from, to))
                    .withClassWeights(whole.inputs.classWeights())
                    .withDivisor(600);
            sum += new LinearCrossEntropy(arena, workers, 256, 37, 11, whole.options)
                    .run(part, HeadOutputs.NONE.withWeight(from == 0 ? Gradient.write(dW) : Gradient.add(dW)))
                    .loss();
        }
        assertEquals(loss, sum, 1e-12);
        assertArrayEquals(Numbers.bits(whole.dW), Numbers.bits(dW));
    }

    @ParameterizedTest
    @EnumSource(
            value = Feature.class,
            names = {"SMOOTHING", "SOFTCAP", "ENTROPY_UPSTREAM", "SCALES", "Z_LOSS"})
    void noChunkShows(Feature feature) {
        for (int vocabulary :
                new int[] {1500, 1700}) { // the logits of the second one do not fit where memory is scarce
            FeatureCase c = new FeatureCase(arena, workers, 700, vocabulary, 7);
            c.with(feature);
            c.with(Feature.MASK);
            c.with(Feature.CLASS_WEIGHTS);
            int[][] inOne = bits(c);
            c.options = c.options.withLean(true);
            assertArrayEquals(inOne, bits(c));
            c.options = c.options.withLean(false).withScratchBytes(smallestScratch(c)); // chunks of 256 tokens
            assertArrayEquals(inOne, bits(c));
        }
    }

    /** Hidden states and weight of 16 bits give what they give widened, to the bit. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "CONFIDENT") // which changes the hidden states
    void halvesAreWidened(Feature feature) {
        int[][][] results = new int[2][][];
        for (int i = 0; i < 2; i++) {
            FeatureCase c = new FeatureCase(arena, workers, 41, 409, 24);
            HalfMatrix x = Numbers.halves(arena, HalfMatrix.Format.BFLOAT16, c.hidden);
            HalfMatrix w = Numbers.halves(arena, HalfMatrix.Format.FLOAT16, c.weight);
            c.hidden.copyFrom(x.toMatrix(arena));
            c.weight.copyFrom(w.toMatrix(arena));
            if (i == 0) {
                c.inputs = HeadInputs.of(x, w, c.targets);
            }
            c.with(feature);
            results[i] = bits(c);
        }
        assertArrayEquals(results[1], results[0]);
    }

    /** Nothing to learn from gives nothing, whatever is asked for; or an error, if that is. */
    @ParameterizedTest
    @EnumSource
    void allIgnored(Feature feature) {
        FeatureCase c = new FeatureCase(arena, workers, 41, 409, 24);
        c.with(feature);
        for (int t = 0; t < c.tokens; t++) {
            c.targets.set(t, HeadOptions.IGNORE_INDEX);
            c.hidden.rows(t, t + 1).fill(Float.NaN);
        }
        HeadResult result = c.run();
        assertEquals(0, result.loss());
        assertEquals(0, result.tokens());
        assertEquals(41, result.ignored());
        float nothing = feature == Feature.ACCUMULATE ? 0.25f : 0;
        for (Matrix gradient : new Matrix[] {c.dX, c.dW, c.db}) {
            for (float value : gradient.toArray()) {
                assertEquals(nothing, value);
            }
        }
        for (int t = 0; t < c.tokens; t++) {
            assertEquals(0, c.losses.get(0, t));
            assertEquals(-1, c.predictions.get(t));
            assertTrue(c.topRows == null || c.topRows.get(4 * t + 3) == -1);
        }
        c.options = c.options.withFailWhenAllIgnored(true);
        String message = assertThrows(IllegalArgumentException.class, c::run).getMessage();
        assertTrue(message.startsWith("all 41 targets are the ignore index -100"), message);
    }

    @ParameterizedTest
    @EnumSource
    void targetsOutOfRangeAreRefusedBeforeAnythingIsWritten(Feature feature) {
        FeatureCase c = new FeatureCase(arena, workers, 41, 409, 24);
        c.with(feature);
        c.targets.set(5, 409); // a token that counts, with the mask too
        float before = c.dW.get(0, 0);
        String message = assertThrows(IndexOutOfBoundsException.class, c::run).getMessage();
        assertTrue(message.startsWith("the target of token 5 is 409, which is neither a row"), message);
        assertEquals(before, c.dW.get(0, 0));
        assertTrue(Float.isNaN(c.losses.get(0, 0)));
    }

    /** The least scratch that a case can do with, as the error says it. */
    private static long smallestScratch(FeatureCase c) {
        HeadOptions options = c.options;
        c.options = options.withScratchBytes(1);
        String message = assertThrows(IllegalArgumentException.class, c::run).getMessage();
        c.options = options;
        return Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
    }

    @Test
    void scratchStaysWithinItsBoundWhateverIsAskedFor() {
        FeatureCase c = new FeatureCase(arena, workers, 300, 700, 40);
        c.with(Feature.SMOOTHING);
        c.with(Feature.SOFTCAP);
        c.with(Feature.ENTROPY_UPSTREAM);
        c.with(Feature.SOFT_SPREAD);
        c.with(Feature.TOP);
        long bound = smallestScratch(c);
        HeadOptions options = c.options.withScratchBytes(bound);
        try (CountingArena counting = new CountingArena()) {
            new LinearCrossEntropy(counting, workers, c.tokens, c.vocabulary, c.width, options)
                    .run(c.inputs, c.outputs);
            assertTrue(counting.bytes() <= bound, counting.bytes() + " bytes taken where " + bound + " are allowed");
        }
    }

    private static int[][] bits(FeatureCase c) {
        c.run();
        return new int[][] {
            Numbers.bits(c.losses),
            Numbers.bits(c.entropies),
            c.ranks.segment().toArray(java.lang.foreign.ValueLayout.JAVA_INT),
            c.topRows == null ? null : c.topRows.segment().toArray(java.lang.foreign.ValueLayout.JAVA_INT),
            c.topRows == null ? null : Numbers.bits(c.topLogProbabilities),
            Numbers.bits(c.dX),
            Numbers.bits(c.dW),
            Numbers.bits(c.db)
        };
    }

    /** A policy's old log-probabilities, without gradients, are to the bit those that a call with entropies' gradients takes. */
    @Test
    void anEntropyUpstreamLeavesLogProbabilitiesAsTheyAre() {
        FeatureCase c = new FeatureCase(arena, workers, 40, 50, 300);
        c.with(Feature.ENTROPY_UPSTREAM);
        c.run();
        Matrix old = Matrix.allocate(arena, 1, 40);
        new LinearCrossEntropy(arena, workers, 40, 50, 300, c.options)
                .run(c.inputs.withEntropyUpstream(null), HeadOutputs.NONE.withLogProbabilities(old));
        assertArrayEquals(Numbers.bits(c.logProbabilities), Numbers.bits(old));
    }

    /** A mask of logits by the lowest float, as some have it, must not come back as 0 times infinity. */
    @Test
    void logitsFarBelowHaveNoGradient() {
        FeatureCase c = new FeatureCase(arena, workers, 5, 7, 3);
        c.with(Feature.ENTROPY_UPSTREAM);
        c.inputs.entropyUpstream().fill(8);
        Matrix bias = Matrix.allocate(arena, 1, 7);
        bias.set(0, 6, -Float.MAX_VALUE);
        for (int t = 0; t < 5; t++) {
            c.targets.set(t, t);
        }
        c.inputs = c.inputs.withBias(bias);
        c.run();
        assertEquals(0, c.db.get(0, 6));
        assertTrue(Double.isFinite(Oracle.real(c.dX).getNorm())
                && Double.isFinite(Oracle.real(c.dW).getNorm()));
    }

    @Test
    void weightsThatAreAllZeroGiveNothingOrAnErrorAsAskedFor() {
        FeatureCase c = new FeatureCase(arena, workers, 5, 7, 3);
        Matrix zeros = Matrix.allocate(arena, 1, 5);
        c.inputs = c.inputs.withTokenWeights(zeros);
        assertEquals(0, c.run().loss());
        assertEquals(0, Oracle.real(c.dW).getNorm());
        assertEquals(0, Oracle.real(c.dX).getNorm());
        c.options = c.options.withFailWhenAllIgnored(true);
        message("all tokens that are not ignored weigh 0: there is no loss", c::run);
    }

    /**
     * Proximal policy optimization by a caller: the ratio r of new to old probabilities clipped, the advantage A, and a bonus on the
     * entropy: L = - mean of (min(r A, clip(r) A) + 0.01 H). A second call gives the gradients.
     */
    @Test
    void proximalPolicyOptimizationTakesTenLines() {
        FeatureCase c = new FeatureCase(arena, workers, 9, 13, 5);
        Matrix old = new Numbers(3).matrix(arena, 1, 9, 0.2f);
        Matrix advantages = new Numbers(4).matrix(arena, 1, 9, 1);
        c.options = HeadOptions.DEFAULT.withReduction(Reduction.NONE);
        var head = new LinearCrossEntropy(arena, workers, 9, 13, 5, c.options);
        head.run(c.inputs, HeadOutputs.NONE.withLogProbabilities(c.logProbabilities));
        for (int t = 0; t < 9; t++) {
            old.set(0, t, c.logProbabilities.get(0, t) + old.get(0, t)); // a policy of some steps ago
        }
        Matrix onLogProbabilities = Matrix.allocate(arena, 1, 9);
        Matrix onEntropies = Matrix.allocate(arena, 1, 9);
        for (int t = 0; t < 9; t++) {
            double ratio = Math.exp(c.logProbabilities.get(0, t) - old.get(0, t));
            double advantage = advantages.get(0, t);
            boolean clipped = advantage > 0 ? ratio > 1.2 : ratio < 0.8;
            onLogProbabilities.set(0, t, clipped ? 0 : (float) (-ratio * advantage / 9));
            onEntropies.set(0, t, -0.01f / 9);
        }
        head.run(
                c.inputs.withLogProbabilityUpstream(onLogProbabilities).withEntropyUpstream(onEntropies),
                HeadOutputs.gradients(c.dX, c.dW));
        for (int i = 0; i < 9 * 5; i++) {
            float at = c.hidden.get(i / 5, i % 5);
            float up = at + 0x1p-10f;
            float down = at - 0x1p-10f;
            c.hidden.set(i / 5, i % 5, up);
            double above = policyLoss(c, old, advantages);
            c.hidden.set(i / 5, i % 5, down);
            double below = policyLoss(c, old, advantages);
            c.hidden.set(i / 5, i % 5, at);
            assertEquals((above - below) / ((double) up - down), c.dX.get(i / 5, i % 5), 1e-5);
        }
    }

    private static double policyLoss(FeatureCase c, Matrix old, Matrix advantages) {
        OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
        double sum = 0;
        for (int t = 0; t < c.tokens; t++) {
            double ratio = Math.exp(oracle.logProbabilities[t] - old.get(0, t));
            double advantage = advantages.get(0, t);
            sum -= Math.min(ratio * advantage, Math.clamp(ratio, 0.8, 1.2) * advantage) + 0.01 * oracle.entropies[t];
        }
        return sum / c.tokens;
    }

    @Test
    void aStepWithEverythingAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        FeatureCase c = new FeatureCase(arena, workers, 64, 300, 48);
        for (Feature feature : new Feature[] {
            Feature.MASK,
            Feature.BIAS,
            Feature.TOKEN_WEIGHTS,
            Feature.CLASS_WEIGHTS,
            Feature.SMOOTHING,
            Feature.Z_LOSS,
            Feature.SCALES,
            Feature.SOFTCAP,
            Feature.SOFT_SPREAD,
            Feature.TOP
        }) {
            c.with(feature);
        }
        var head = new LinearCrossEntropy(arena, workers, c.tokens, c.vocabulary, c.width, c.options);
        long allocated = Long.MAX_VALUE;
        long end = System.nanoTime() + 60_000_000_000L; // the compiler takes its time
        while (allocated > 0 && System.nanoTime() < end) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 100; i++) {
                head.run(c.inputs, c.outputs);
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertEquals(0, allocated);
    }

    @Test
    void badInputIsNamed() {
        FeatureCase c = new FeatureCase(arena, workers, 5, 7, 3);
        HeadInputs plain = c.inputs;
        Matrix tokens = Matrix.allocate(arena, 1, 5);
        Matrix classes = Matrix.allocate(arena, 1, 7);
        tokens.fill(1);
        classes.fill(1);
        classes.set(0, 4, -1);
        refuse(c, plain.withClassWeights(classes), "the class weight of row 4 is -1.0");
        tokens.set(0, 2, Float.NaN);
        refuse(c, plain.withTokenWeights(tokens), "the weight of token 2 is NaN");
        refuse(c, plain.withLogitScales(tokens), "the logit scale of token 2 is NaN");
        refuse(c, plain.withTokenWeights(classes), "token weights must be 1 x 5, but is 1 x 7");
        BitSet mask = new BitSet();
        mask.set(9);
        refuse(c, plain.withMask(mask), "hidden has 5 tokens, but the mask counts token 9");
        c.options = HeadOptions.DEFAULT.withReduction(Reduction.NONE);
        refuse(
                c,
                plain.withLogProbabilityUpstream(tokens),
                "the log-probability's upstream gradient of token 2 is NaN");
        tokens.set(0, 2, 1);
        refuse(
                c,
                plain.withUpstream(tokens).withTokenWeights(Matrix.allocate(arena, 1, 5)),
                "token weights go with reduction SUM or MEAN; with NONE, the upstream gradients weigh the tokens");
        refuse(c, plain.withUpstream(tokens).withDivisor(2), "a divisor goes with reduction MEAN, but it is NONE");
        c.options = HeadOptions.DEFAULT;
        c.outputs = HeadOutputs.NONE.withPredictions(c.ranks).withRanks(c.ranks);
        refuse(c, plain, "ranks shares memory with predictions");
        c.outputs = HeadOutputs.NONE.withRanks(c.targets);
        refuse(c, plain, "ranks shares memory with targets");
        c.outputs = HeadOutputs.NONE.withEntropies(c.losses).withLosses(c.losses);
        refuse(c, plain, "entropies shares memory with losses");
        c.outputs = HeadOutputs.NONE.withRanks(Ints.allocate(arena, 4));
        refuse(c, plain, "ranks must be 5, but are 4");
        message("divisor must be finite and not negative, but is -1.0", () -> plain.withDivisor(-1));
        message(
                "divisor must be 0 or large enough for its inverse to be a float32, but is 1.0E-300",
                () -> plain.withDivisor(1e-300));
        message("labelSmoothing must be from 0 to 1, but is 1.5", () -> HeadOptions.DEFAULT.withLabelSmoothing(1.5));
        for (float cap : new float[] {-30, Float.NaN, Float.POSITIVE_INFINITY, 1e-40f}) {
            message(
                    "softcap must be 0 for none, or finite and positive, but is " + (double) cap,
                    () -> HeadOptions.DEFAULT.withSoftcap(cap));
        }
        c.outputs = HeadOutputs.NONE;
        c.options = HeadOptions.DEFAULT.withLogitScale(1e-30f);
        tokens.fill(1e-30f);
        refuse(c, plain.withLogitScales(tokens), "the logit scale, with the options', of token 0 is 0.0");
        message(
                "zLoss must be a float32 and not negative, but is NaN",
                () -> HeadOptions.DEFAULT.withZLoss(Double.NaN));
        message("logitScale must be finite and positive, but is 0.0", () -> HeadOptions.DEFAULT.withLogitScale(0));
    }

    private static void refuse(FeatureCase c, HeadInputs inputs, String message) {
        c.inputs = inputs;
        message(message, c::run);
    }

    private static void message(String expected, Runnable call) {
        assertEquals(
                expected,
                assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }
}
