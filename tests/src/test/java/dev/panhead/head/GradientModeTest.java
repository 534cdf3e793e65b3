package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.FeatureCase.Feature;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.optim.AdamW;
import dev.panhead.reference.Numbers;
import dev.panhead.reference.OptionsOracle;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is kept of the logits' gradient, and that it is the gradient in the mean. Where W is the identity, dL/dX is dL/dz, so that it
 * can be looked at entry by entry.
 */
class GradientModeTest {

    private static final GradientMode UNBIASED = GradientMode.unbiased(0x1p-4);

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

    /** A case whose dX is dL/dz; some entries are large, most are not. */
    private static FeatureCase open(Arena local, int tokens, int vocabulary, Feature... features) {
        FeatureCase c = new FeatureCase(local, workers, tokens, vocabulary, vocabulary);
        for (int v = 0; v < vocabulary; v++) {
            for (int k = 0; k < vocabulary; k++) {
                c.weight.set(v, k, v == k ? 1 : 0);
            }
        }
        for (int t = 0; t < tokens; t++) {
            for (int k = 0; k < vocabulary; k++) {
                c.hidden.set(t, k, 3 * c.hidden.get(t, k));
            }
        }
        for (Feature feature : features) {
            c.with(feature);
        }
        return c;
    }

    private static LinearCrossEntropy head(FeatureCase c, GradientMode mode) {
        return new LinearCrossEntropy(
                arena, workers, c.tokens, c.vocabulary, c.width, c.options.withGradientMode(mode));
    }

    private static double[][] values(Matrix matrix) {
        double[][] values = new double[matrix.rows()][matrix.columns()];
        for (int r = 0; r < values.length; r++) {
            for (int k = 0; k < values[r].length; k++) {
                values[r][k] = matrix.get(r, k);
            }
        }
        return values;
    }

    /** Each token's gradient and mass, as the documentation has them. */
    @Test
    void keepsWhatIsLargeAndRoundsTheRestToTheThresholdOrNothing() {
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = open(local, 70, 701, Feature.SUM);
            OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
            double tau = 0x1p-4;
            Matrix tails = Numbers.nanPadded(local, 1, c.tokens);
            HeadResult result = head(c, UNBIASED).run(c.inputs, c.outputs.withTailMasses(tails), 5);
            assertEquals(oracle.loss, result.loss(), 1e-5 * oracle.loss);
            long entries = 0;
            double meanTail = 0;
            for (int t = 0; t < c.tokens; t++) {
                double mass = 0;
                int rounded = 0;
                for (int v = 0; v < c.vocabulary; v++) {
                    double exact = oracle.dX.getEntry(t, v);
                    float kept = c.dX.get(t, v);
                    entries += kept == 0 ? 0 : 1;
                    if (v == c.targets.get(t) || exact >= tau) {
                        assertEquals(exact, kept, 1e-5 * Math.abs(exact));
                        continue;
                    }
                    assertTrue(kept == 0 || kept == (float) tau, "entry " + v + " of token " + t + ": " + kept);
                    rounded += kept == 0 ? 0 : 1;
                    mass += exact;
                }
                assertTrue(Math.abs(rounded - mass / tau) < 1.001, rounded + " of " + mass / tau);
                assertEquals(mass, tails.get(0, t), 1e-5);
                meanTail += mass / c.tokens;
            }
            assertEquals(entries, result.gradientEntries());
            assertEquals(meanTail, result.tailMass(), 1e-5);
        }
    }

    /** Over many steps each entry is kept as often as it should be, and the squared errors are as large as they should be. */
    @Test
    void isUnbiasedWithTheVarianceThatTheFormulaHas() {
        int steps = 3000;
        double tau = 0x1p-4;
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = open(local, 32, 300, Feature.SUM);
            OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
            LinearCrossEntropy head = head(c, UNBIASED);
            HeadOutputs outputs = HeadOutputs.NONE.withHidden(Gradient.write(c.dX));
            int[][] kept = new int[c.tokens][c.vocabulary];
            double[] errors = new double[steps];
            double variance = 0;
            for (int step = 0; step < steps; step++) {
                head.run(c.inputs, outputs, step);
                for (int t = 0; t < c.tokens; t++) {
                    for (int v = 0; v < c.vocabulary; v++) {
                        double exact = oracle.dX.getEntry(t, v);
                        if (v != c.targets.get(t) && exact < tau) {
                            kept[t][v] += c.dX.get(t, v) == 0 ? 0 : 1;
                            errors[step] += Math.pow(c.dX.get(t, v) - exact, 2);
                            variance += step == 0 ? exact * (tau - exact) : 0;
                        }
                    }
                }
            }
            double squares = 0;
            double largest = 0;
            int counted = 0;
            for (int t = 0; t < c.tokens; t++) {
                for (int v = 0; v < c.vocabulary; v++) {
                    double share = oracle.dX.getEntry(t, v) / tau;
                    if (v != c.targets.get(t) && share < 1 && share * steps > 40) {
                        double z = (kept[t][v] - share * steps) / Math.sqrt(share * (1 - share) * steps);
                        largest = Math.max(largest, Math.abs(z));
                        squares += z * z;
                        counted++;
                    }
                }
            }
            assertTrue(counted > 1500, "too few entries: " + counted);
            assertTrue(largest < 5, "the largest of " + counted + " deviations is " + largest);
            assertEquals(1, squares / counted, 0.1);
            double mean = Arrays.stream(errors).average().orElseThrow();
            double spread = Math.sqrt(Arrays.stream(errors)
                            .map(error -> Math.pow(error - mean, 2))
                            .average()
                            .orElseThrow()
                    / steps);
            assertEquals(variance, mean, 4 * spread);
            assertTrue(spread < 0.01 * variance, "the measured variance is not sharp: " + spread);
        }
    }

    /** Projections of dW, dX and db over many steps; leaving the small entries out does not pass. */
    @ParameterizedTest
    @EnumSource(Feature.class)
    void theMeanOfManyStepsIsTheGradient(Feature feature) {
        int steps = 400;
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = new FeatureCase(local, workers, 19, 401, 24);
            c.with(feature);
            HeadOutputs outputs = HeadOutputs.gradients(c.dX, c.dW).withBias(Gradient.write(c.db));
            Numbers numbers = new Numbers(77);
            Matrix[] gradients = {c.dX, c.dW, c.db};
            Matrix[] directions = new Matrix[gradients.length];
            for (int i = 0; i < gradients.length; i++) {
                directions[i] = numbers.padded(local, gradients[i].rows(), gradients[i].columns(), 1);
            }
            head(c, GradientMode.exact()).run(c.inputs, outputs);
            double[] exact = projections(gradients, directions);
            HeadResult dropped = head(c, GradientMode.dropBelow(0x1p-4)).run(c.inputs, outputs);
            double[] biased = projections(gradients, directions);
            LinearCrossEntropy head = head(c, UNBIASED);
            double[] sums = new double[gradients.length];
            double[] squares = new double[gradients.length];
            for (int step = 0; step < steps; step++) {
                HeadResult result = head.run(c.inputs, outputs, step);
                assertTrue(result.gradientEntries() < 0.06 * c.tokens * c.vocabulary, "dense");
                double[] found = projections(gradients, directions);
                for (int i = 0; i < found.length; i++) {
                    sums[i] += found[i] - exact[i];
                    squares[i] += Math.pow(found[i] - exact[i], 2);
                }
            }
            boolean shows = false;
            for (int i = 0; i < gradients.length; i++) {
                double bound = 4.5 * Math.sqrt(squares[i]) / steps;
                assertEquals(0, sums[i] / steps, bound + 1e-6 * Math.abs(exact[i]));
                shows |= Math.abs(biased[i] - exact[i]) > bound;
            }
            assertTrue(dropped.tailMass() > 0.1 && shows, "a bias would not have been seen");
        }
    }

    private static double[] projections(Matrix[] gradients, Matrix[] directions) {
        double[] sums = new double[gradients.length];
        for (int i = 0; i < sums.length; i++) {
            for (int r = 0; r < gradients[i].rows(); r++) {
                for (int k = 0; k < gradients[i].columns(); k++) {
                    sums[i] += (double) gradients[i].get(r, k) * directions[i].get(r, k);
                }
            }
        }
        return sums;
    }

    static Stream<Arguments> pairs() {
        return Stream.of(Feature.values()).flatMap(one -> Stream.of(Feature.values())
                .filter(other -> one.compareTo(other) <= 0)
                .filter(other -> one != Feature.LEAN && other != Feature.LEAN)
                .filter(other -> !one.excludes(other) && !other.excludes(one))
                .map(other -> Arguments.of(one, other)));
    }

    /** With everything a head can be asked for, in pairs: what is left out is what is small, and all else as it is. */
    @ParameterizedTest
    @MethodSource("pairs")
    void leavesOutWhatIsSmallAndNothingElse(Feature one, Feature other) {
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = open(local, 19, 400, one == other ? new Feature[] {one} : new Feature[] {one, other});
            boolean adds = one == Feature.ACCUMULATE || other == Feature.ACCUMULATE;
            double[][] before = values(c.dX);
            HeadResult all = head(c, GradientMode.exact()).run(c.inputs, c.outputs);
            double[][] exact = values(c.dX);
            Matrix tails = Numbers.nanPadded(local, 1, c.tokens);
            double threshold = 0x1p-6;
            for (GradientMode mode : new GradientMode[] {GradientMode.dropBelow(threshold), GradientMode.drop(0.6)}) {
                for (int t = 0; t < c.tokens; t++) {
                    for (int v = 0; v < c.vocabulary; v++) {
                        c.dX.set(t, v, (float) before[t][v]);
                    }
                }
                HeadResult result = head(c, mode).run(c.inputs, c.outputs.withTailMasses(tails));
                assertEquals(all.loss(), result.loss());
                boolean flat = one == Feature.SOFTCAP || other == Feature.SOFTCAP; // so many entries may be kept
                assertTrue(flat || result.gradientEntries() < 0.07 * result.tokens() * c.vocabulary, "dense");
                for (int t = 0; t < c.tokens; t++) {
                    double start = adds ? before[t][0] : 0;
                    double largest = 0;
                    double sum = 0;
                    for (int v = 0; v < c.vocabulary; v++) {
                        double leftOut = Math.abs(exact[t][v] - c.dX.get(t, v));
                        double rounding = 2e-6 * (Math.abs(exact[t][v] - start) + Math.abs(start));
                        sum += leftOut <= rounding ? 0 : leftOut;
                        largest = leftOut <= rounding ? largest : Math.max(largest, leftOut);
                    }
                    double tail = tails.get(0, t);
                    assertTrue(tail >= 0 && (sum > 0) == (tail > 0), tail + " but " + sum);
                    if (sum > 0) {
                        double bound = sum / tail; // B_t
                        double least = mode instanceof GradientMode.Drop ? 1 : threshold;
                        assertTrue(largest <= least * bound * 1.01, largest + " of " + bound);
                        assertTrue(!(mode instanceof GradientMode.Drop) || tail <= 0.6);
                    }
                }
            }
        }
    }

    /** As much is left out as may be, but for a step of the thresholds that are tried. */
    @Test
    void dropsAsMuchAsItMay() {
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = open(local, 40, 900, Feature.SUM);
            OptionsOracle oracle = new OptionsOracle(c.inputs, c.options);
            Matrix tails = Numbers.nanPadded(local, 1, c.tokens);
            head(c, GradientMode.drop(0.8)).run(c.inputs, c.outputs.withTailMasses(tails));
            for (int t = 0; t < c.tokens; t++) {
                double least = 1;
                double next = 0;
                for (int v = 0; v < c.vocabulary; v++) {
                    if (v != c.targets.get(t) && c.dX.get(t, v) != 0) {
                        least = Math.min(least, oracle.dX.getEntry(t, v));
                    }
                }
                for (int v = 0; v < c.vocabulary; v++) {
                    double p = oracle.dX.getEntry(t, v);
                    next += v != c.targets.get(t) && p < 1.15 * least ? p : 0;
                }
                assertTrue(tails.get(0, t) <= 0.8);
                assertTrue(next > 0.8, "token " + t + " could have left out " + next);
            }
        }
    }

    @Test
    void sameBitsForAnyTeamAndChunkAndInLittleMemory() {
        HeadCase c = new HeadCase(arena, workers, 1400, 2501, 40);
        for (int t = 0; t < c.tokens; t += 7) {
            c.targets.set(t, HeadOptions.IGNORE_INDEX);
        }
        for (int t = 256; t < 700; t++) {
            c.hidden.rows(t, t + 1).fill(0); // as flat as can be: these tokens' entries are many
        }
        for (GradientMode mode : new GradientMode[] {
            GradientMode.unbiased(),
            GradientMode.unbiased(0x1p-6),
            GradientMode.drop(0.5),
            GradientMode.dropBelow(0x1p-7)
        }) {
            c.options = HeadOptions.DEFAULT.withReduction(Reduction.SUM).withGradientMode(mode);
            HeadResult result = c.head().run(c.inputs(), c.outputs(), 3);
            long entries = result.gradientEntries();
            double tail = result.tailMass();
            assertTrue(entries < (long) result.tokens() * c.vocabulary, mode + " is dense");
            int[][] bits = c.bits();
            try (Workers one = new Workers(1);
                    Workers three = new Workers(3)) {
                for (Workers team : new Workers[] {one, three}) {
                    c.head(team).run(c.inputs(), c.outputs(), 3);
                    assertArrayEquals(bits, c.bits());
                }
            }
            String message = assertThrows(IllegalArgumentException.class, () -> {
                        c.options = c.options.withScratchBytes(1000);
                        c.head();
                    })
                    .getMessage();
            if (mode instanceof GradientMode.Unbiased) {
                long smallest = Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
                c.options = c.options.withScratchBytes(smallest);
                result = c.head().run(c.inputs(), c.outputs(), 3);
                assertArrayEquals(bits, c.bits());
                assertEquals(entries, result.gradientEntries());
                assertEquals(tail, result.tailMass());
                c.options = c.options.withScratchBytes(1L << 30).withLean(true);
                c.head().run(c.inputs(), c.outputs(), 3);
                assertArrayEquals(bits, c.bits());
            }
        }
    }

    /** What bends the logits' gradient is computed for the selection, and in little memory once more for the dense products. */
    @ParameterizedTest
    @EnumSource(names = {"SOFTCAP", "ENTROPY_UPSTREAM", "SMOOTHING", "SOFT_SPREAD"})
    void sameBitsInLittleMemoryWithABlockThatIsDense(Feature feature) {
        for (double threshold : new double[] {0x1p-6, 0x1p-12}) { // the second one has all blocks dense
            try (Arena local = Arena.ofShared()) {
                FeatureCase c = new FeatureCase(local, workers, 300, 2000, 16);
                c.with(feature);
                for (int t = 0; t < 100; t++) {
                    c.hidden.rows(t, t + 1).fill(0.01f);
                }
                head(c, GradientMode.unbiased(threshold)).run(c.inputs, c.outputs, 1);
                int[][] bits = {Numbers.bits(c.dX), Numbers.bits(c.dW), Numbers.bits(c.db)};
                c.options = c.options.withLean(true);
                head(c, GradientMode.unbiased(threshold)).run(c.inputs, c.outputs, 1);
                assertArrayEquals(bits, new int[][] {Numbers.bits(c.dX), Numbers.bits(c.dW), Numbers.bits(c.db)});
            }
        }
    }

    /** Gradients so small, or so large, that their sizes are beyond what floats can tell. */
    @ParameterizedTest
    @ValueSource(floats = {1.6e-41f, 1e-30f, 1e-20f, 1e-18f, 1e30f, 3e38f})
    void extremeGradientsDoNotDisturbOthers(float upstream) {
        for (float softcap : new float[] {0, 30}) {
            HeadCase c = new HeadCase(arena, workers, 64, 3000, 16);
            Matrix upstreams = Matrix.allocate(arena, 1, c.tokens);
            upstreams.fill(1);
            upstreams.set(0, 5, upstream);
            c.options = HeadOptions.DEFAULT.withReduction(Reduction.NONE).withSoftcap(softcap);
            c.head().run(c.inputs().withUpstream(upstreams), c.outputs());
            double[][] exact = values(c.dX);
            c.options = c.options.withGradientMode(GradientMode.unbiased(0x1p-5));
            HeadResult result = c.head().run(c.inputs().withUpstream(upstreams), c.outputs(), 1);
            assertTrue(result.tailMass() <= 1);
            for (int t = 0; t < c.tokens; t++) {
                for (int k = 0; k < c.width; k++) {
                    double bound = t == 5 ? 20.0 * upstream : 20;
                    assertTrue(Math.abs(c.dX.get(t, k) - exact[t][k]) <= bound, "token " + t + ": " + c.dX.get(t, k));
                }
            }
        }
    }

    @Test
    void takesNoMoreMemoryThanItSays() {
        try (Workers eight = new Workers(8)) {
            for (GradientMode mode : new GradientMode[] {GradientMode.unbiased(), GradientMode.drop(0.1)}) {
                for (int tokens : new int[] {16, 2048}) {
                    HeadCase c = new HeadCase(arena, eight, tokens, 12_000, 24);
                    c.options = HeadOptions.DEFAULT.withGradientMode(mode).withScratchBytes(1);
                    String message = assertThrows(IllegalArgumentException.class, c::head)
                            .getMessage();
                    long least = Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
                    long bound = mode instanceof GradientMode.Drop ? 8 * least : least; // a lean one does not do
                    c.options = c.options.withScratchBytes(bound);
                    try (CountingArena counting = new CountingArena()) {
                        new LinearCrossEntropy(counting, eight, tokens, c.vocabulary, c.width, c.options)
                                .run(c.inputs(), c.outputs(), 1);
                        assertTrue(counting.bytes() <= bound, mode + ": " + counting.bytes() + " of " + bound);
                    }
                }
            }
        }
        HeadOptions fine = HeadOptions.DEFAULT.withGradientMode(GradientMode.unbiased(0x1p-14));
        new LinearCrossEntropy(arena, workers, 1, 50_000, 8, fine); // no memory for tokens that cannot be
    }

    @Test
    void aStepAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Workers one = new Workers(1)) {
            for (GradientMode mode : new GradientMode[] {
                GradientMode.unbiased(0x1p-5), GradientMode.drop(0.5), GradientMode.dropBelow(0x1p-5)
            }) {
                HeadCase c = new HeadCase(arena, one, 300, 2000, 24);
                c.options = c.options.withGradientMode(mode);
                LinearCrossEntropy head = c.head();
                HeadInputs inputs = c.inputs();
                HeadOutputs outputs = c.outputs();
                long allocated = Long.MAX_VALUE;
                long end = System.nanoTime() + 60_000_000_000L;
                while (allocated > 0 && System.nanoTime() < end) {
                    long before = threads.getCurrentThreadAllocatedBytes();
                    for (int i = 0; i < 20; i++) {
                        head.run(inputs, outputs, i);
                    }
                    allocated = threads.getCurrentThreadAllocatedBytes() - before;
                }
                assertEquals(0, allocated, mode.toString());
            }
        }
    }

    /** What is told of many small sizes beside a larger one, which a float32 sum loses, is no less than what was left out. */
    @Test
    void theTailIsAnUpperBound() {
        try (Arena local = Arena.ofShared()) {
            FeatureCase c = open(local, 1, 192, Feature.SUM);
            c.hidden.fill(-26.4f);
            c.targets.set(0, 0);
            c.hidden.set(0, 0, 0);
            c.hidden.set(0, 5, -9.2f);
            double others = Math.exp(-9.2f) + 190 * Math.exp(-26.4f);
            double exact = others / (1 + others);
            Matrix tails = Numbers.nanPadded(local, 1, 1);
            for (GradientMode mode : List.of(GradientMode.drop(0.5), GradientMode.dropBelow(0x1p-6))) {
                head(c, mode).run(c.inputs, c.outputs.withTailMasses(tails));
                float tail = tails.get(0, 0);
                assertTrue(exact <= tail && tail <= exact * (1 + 0x1p-15), tail + " of " + exact);
            }
        }
    }

    @Test
    void withoutGradientsThereIsNoTail() {
        HeadCase c = new HeadCase(arena, workers, 5, 900, 8);
        c.options = c.options.withGradientMode(GradientMode.unbiased());
        Matrix tails = Numbers.nanPadded(arena, 1, c.tokens);
        c.head().run(c.inputs(), HeadOutputs.NONE.withTailMasses(tails));
        for (int t = 0; t < c.tokens; t++) {
            assertEquals(0, tails.get(0, t));
        }
    }

    /** A token's rounding is its own: of its index, not of its companions. */
    @Test
    void aTokensGradientDependsOnItsIndexTheStepAndTheSeed() {
        HeadCase c = new HeadCase(arena, workers, 60, 1201, 33);
        c.options = c.options.withGradientMode(GradientMode.unbiased(0x1p-6));
        c.head().run(c.inputs(), c.outputs(), 9);
        int[][] bits = c.bits();
        c.head().run(c.inputs(), c.outputs(), 9);
        assertArrayEquals(bits, c.bits());
        for (int t = 0; t < c.tokens; t++) {
            if (t % 4 != 1) {
                c.targets.set(t, HeadOptions.IGNORE_INDEX);
            }
        }
        Matrix dX = Numbers.nanPadded(arena, c.tokens, c.width);
        c.head().run(c.inputs(), HeadOutputs.NONE.withHidden(Gradient.write(dX)), 9);
        int[] row = Numbers.bits(c.dX.rows(5, 6));
        assertArrayEquals(row, Numbers.bits(dX.rows(5, 6)));
        c.head().run(c.inputs(), HeadOutputs.NONE.withHidden(Gradient.write(dX)), 10);
        assertFalse(Arrays.equals(row, Numbers.bits(dX.rows(5, 6))));
        c.options = c.options.withGradientMode(new GradientMode.Unbiased(0x1p-6, 1));
        c.head().run(c.inputs(), HeadOutputs.NONE.withHidden(Gradient.write(dX)), 9);
        assertFalse(Arrays.equals(row, Numbers.bits(dX.rows(5, 6))));
    }

    /** Where nearly every entry would be kept, the gradient is the exact one, bit by bit. */
    @Test
    void isExactWhereThatIsFaster() {
        HeadCase c = new HeadCase(arena, workers, 300, 90, 17);
        c.run();
        int[][] bits = c.bits();
        for (GradientMode mode :
                new GradientMode[] {GradientMode.unbiased(), GradientMode.drop(1e-6), GradientMode.dropBelow(0x1p-20)
                }) {
            c.options = c.options.withGradientMode(mode);
            HeadResult result = c.head().run(c.inputs(), c.outputs(), 1);
            assertArrayEquals(bits, c.bits());
            assertEquals(300L * 90, result.gradientEntries());
            assertEquals(0, result.tailMass());
        }
    }

    @Test
    void aFusedUpdateIsTheUnfusedOne() {
        for (boolean lean : new boolean[] {false, true}) {
            HeadCase c = new HeadCase(arena, workers, 300, 2001, 33);
            for (int t = 256; t < c.tokens; t++) {
                c.hidden.rows(t, t + 1).fill(0);
            }
            Matrix weight = Numbers.nanPadded(arena, c.vocabulary, c.width);
            weight.copyFrom(c.weight);
            AdamW adam = new AdamW(workers, 0.9, 0.95, 1e-8, 0.1);
            AdamW.Moments moments = AdamW.Moments.allocate(arena, c.vocabulary, c.width);
            AdamW.Moments whole = AdamW.Moments.allocate(arena, c.vocabulary, c.width);
            AdamW.Slices slices = adam.slices(weight, moments);
            Matrix dX = Numbers.nanPadded(arena, c.tokens, c.width);
            c.options =
                    c.options.withGradientMode(GradientMode.unbiased(0x1p-6)).withLean(lean);
            LinearCrossEntropy head = c.head();
            c.options = c.options.withFusedUpdate(true);
            LinearCrossEntropy fused = c.head();
            for (int step = 1; step <= 3; step++) {
                head.run(c.inputs(), c.outputs(), step);
                adam.update(c.weight, c.dW, whole, step, 0.01, 1);
                slices.prepare(step, 0.01);
                fused.run(
                        HeadInputs.of(c.hidden, weight, c.targets).withBias(c.bias),
                        HeadOutputs.NONE.withHidden(Gradient.write(dX)).withWeightUpdate(slices),
                        step);
                assertArrayEquals(Numbers.bits(c.dX), Numbers.bits(dX));
                assertArrayEquals(Numbers.bits(c.weight), Numbers.bits(weight));
            }
        }
    }

    /** A weight of 16 bits is what its widened values are; gathered and adjacent tokens are the same. */
    @Test
    void halvesAreTheirWidenedValues() {
        HeadCase c = new HeadCase(arena, workers, 70, 1301, 45);
        c.options = c.options.withGradientMode(GradientMode.unbiased(0x1p-5));
        for (HalfMatrix.Format format : HalfMatrix.Format.values()) {
            HalfMatrix hidden = Numbers.halves(arena, format, c.hidden);
            HalfMatrix weight = Numbers.halves(arena, format, c.weight);
            Matrix wideHidden = Matrix.allocate(arena, c.tokens, c.width);
            Matrix wideWeight = Matrix.allocate(arena, c.vocabulary, c.width);
            widen(hidden, wideHidden);
            widen(weight, wideWeight);
            c.head().run(HeadInputs.of(wideHidden, wideWeight, c.targets), c.outputs(), 1);
            int[][] bits = c.bits();
            c.head().run(HeadInputs.of(hidden, weight, c.targets), c.outputs(), 1);
            assertArrayEquals(bits, c.bits());
        }
    }

    private static void widen(HalfMatrix from, Matrix to) {
        for (int r = 0; r < to.rows(); r++) {
            for (int k = 0; k < to.columns(); k++) {
                to.set(r, k, from.get(r, k));
            }
        }
    }

    @Test
    void aTokenWithoutWeightHasNoGradient() {
        HeadCase c = new HeadCase(arena, workers, 40, 900, 8);
        c.options = c.options.withGradientMode(GradientMode.unbiased(0x1p-5));
        Matrix weights = Matrix.allocate(arena, 1, c.tokens);
        weights.fill(1e-3f);
        weights.set(0, 7, 0);
        c.head().run(c.inputs().withTokenWeights(weights), c.outputs(), 1);
        for (int k = 0; k < c.width; k++) {
            assertTrue(c.dX.get(7, k) == 0);
            assertNotEquals(0, c.dX.get(8, k));
        }
        assertTrue(Numbers.paddingIntact(c.dX) && Numbers.paddingIntact(c.dW));
    }

    @Test
    void refusesWhatItCannotDo() {
        refused("threshold must be from 2^-20 to 1/2, but is 0.6", () -> GradientMode.unbiased(0.6));
        refused("threshold must be from 2^-20 to 1/2, but is 0.0", () -> GradientMode.dropBelow(0));
        refused("threshold must be from 2^-20 to 1/2, but is NaN", () -> GradientMode.unbiased(Double.NaN));
        refused("mass must be above 0 and below 1, but is 0.0", () -> GradientMode.drop(0));
        refused("mass must be above 0 and below 1, but is NaN", () -> GradientMode.drop(Double.NaN));
        HeadCase c = new HeadCase(arena, workers, 4, 900, 8);
        c.options = c.options.withGradientMode(GradientMode.unbiased());
        refused(
                "gradients that are rounded at random need the number of the step, so that no two steps are rounded alike",
                () -> c.head().run(c.inputs(), c.outputs()));
        c.head().run(c.inputs(), HeadOutputs.NONE); // a loss does not
        c.options = c.options.withGradientMode(GradientMode.drop(0.1)).withLean(true);
        HeadCase large = new HeadCase(arena, workers, 4, 2000, 8);
        large.options = c.options;
        refused(
                "Drop[mass=0.1] compares all logits of a token, but a lean head, or one whose scratchBytes are so few, never"
                        + " has them at once",
                large::head);
        assertThrows(NullPointerException.class, () -> HeadOptions.DEFAULT.withGradientMode(null));
    }

    private static void refused(String message, Runnable call) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }

    /** The generator's known answers, as its authors publish them. */
    @Test
    void philoxGivesTheKnownAnswers() {
        assertEquals(0x6627e8d5, Philox.first(0, 0, 0));
        assertEquals(0x408f276d, Philox.first(-1, -1, -1));
        assertEquals(0xd16cfe09, Philox.first(0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0x0370734413198a2eL));
    }
}
