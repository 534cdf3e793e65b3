package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ignored and wrong targets, logits that are infinite, equal, huge or certain. */
class HeadHardCasesTest {

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

    @Test
    void allIgnored() {
        HeadCase c = new HeadCase(arena, workers, 20, 9, 4);
        for (int t = 0; t < 20; t++) {
            c.targets.set(t, HeadOptions.IGNORE_INDEX);
        }
        for (Reduction reduction : new Reduction[] {Reduction.MEAN, Reduction.SUM}) {
            c.options = c.options.withReduction(reduction);
            c.dX.fill(7);
            c.dW.fill(7);
            c.db.fill(7);
            HeadResult result = c.head(workers).run(c.inputs(), c.outputs());
            assertEquals(0, result.loss());
            assertEquals(0, result.tokens());
            assertEquals(20, result.ignored());
            for (int[] bits : c.bits()) {
                assertArrayEquals(new int[bits.length], bits);
            }
        }
        c.dW.fill(7);
        c.head(workers).run(c.inputs(), HeadOutputs.NONE.withWeight(Gradient.add(c.dW)));
        assertEquals(7, c.dW.get(8, 3));
        c.options = c.options.withFailWhenAllIgnored(true);
        refused("all 20 targets are the ignore index -100", c);
    }

    @Test
    void anotherIgnoreIndex() {
        HeadCase c = new HeadCase(arena, workers, 20, 9, 4);
        c.options = c.options.withIgnoreIndex(-1);
        c.targets.set(3, -1);
        assertEquals(19, c.head(workers).run(c.inputs(), c.outputs()).tokens());
        c.targets.set(4, -100);
        assertThrows(IndexOutOfBoundsException.class, c::run);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, -101, 9, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void targetsOutOfRangeAreNamedBeforeAnythingIsWritten(int target) {
        HeadCase c = new HeadCase(arena, workers, 20, 9, 4);
        c.targets.set(13, target);
        int[][] before = c.bits();
        String message = assertThrows(IndexOutOfBoundsException.class, c::run).getMessage();
        assertEquals(
                "the target of token 13 is " + target
                        + ", which is neither a row of the vocabulary of 9 nor the ignore index -100",
                message);
        assertArrayEquals(before, c.bits());
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void nonFiniteLogitsAreNamed(float value) {
        for (int row : new int[] {0, 191, 192, 400}) {
            HeadCase c = new HeadCase(arena, workers, 40, 401, 4);
            c.bias.set(0, row, value);
            NonFiniteLogitException e = assertThrows(NonFiniteLogitException.class, c::run);
            assertEquals(0, e.token());
            assertEquals(row, e.row());
            assertEquals(40, e.count());
            assertEquals(
                    "the logit of token 0 and vocabulary row " + row + " is " + value
                            + ", the first of 40 that are not finite",
                    e.getMessage());
        }
        HeadCase c = new HeadCase(arena, workers, 40, 401, 4);
        c.hidden.set(37, 2, value);
        NonFiniteLogitException e = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(37, e.token());
        int bad = 0;
        for (int row = 0; row < 401; row++) {
            float logit = value * c.weight.get(row, 2);
            bad += !(logit < Float.POSITIVE_INFINITY) || row == c.targets.get(37) ? 1 : 0;
        }
        assertEquals(bad, e.count());
        assertThrows(NonFiniteLogitException.class, () -> c.head(workers).run(c.inputs(), HeadOutputs.NONE));
    }

    /** In any chunk, with any tokens left out. */
    @Test
    void nonFiniteLogitsAreCounted() {
        HeadCase c = new HeadCase(arena, workers, 900, 5000, 4); // chunks of 512 tokens at most
        for (int t = 0; t < 900; t += 7) {
            c.targets.set(t, HeadOptions.IGNORE_INDEX);
            c.hidden.rows(t, t + 1).fill(Float.NaN);
        }
        c.hidden.set(300, 1, Float.NaN);
        c.hidden.set(899, 3, Float.NaN);
        c.hidden.set(600, 3, Float.NaN);
        NonFiniteLogitException e = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(300, e.token());
        assertEquals(0, e.row());
        assertEquals(3 * 5000, e.count());
    }

    /** Smoothing has every entry in the loss, so that one without a probability makes it infinite. */
    @ParameterizedTest
    @ValueSource(floats = {0, 5})
    void aLogitOfMinusInfinityThatNoBiasMadeIsNamedWhereItIsInTheLoss(float cap) {
        HeadCase c = new HeadCase(arena, workers, 3, 5, 1);
        c.hidden.fill(-1);
        c.weight.fill(1);
        c.bias.fill(0);
        c.targets.set(0, 0);
        c.targets.set(1, 1);
        c.targets.set(2, 2);
        c.bias.set(0, 3, Float.NEGATIVE_INFINITY);
        c.weight.set(4, 0, Float.POSITIVE_INFINITY);
        c.options = c.options.withSoftcap(cap);
        assertTrue(Double.isFinite(
                c.head(workers).run(c.inputs(), HeadOutputs.NONE).loss()));
        c.options = c.options.withLabelSmoothing(0.1);
        NonFiniteLogitException e = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(
                "the logit of token 0 and vocabulary row 4 is -Infinity, the first of 3 that are not finite",
                e.getMessage());
        HeadInputs weighted = c.inputs().withClassWeights(Matrix.of(arena, 1, 5, 1, 2, 3, 0.5f, 0));
        assertTrue(
                Double.isFinite(c.head(workers).run(weighted, HeadOutputs.NONE).loss()));
    }

    /** Those that have no share in the loss are passed over. */
    @Test
    void theFirstLogitThatSpoilsTheLossIsNamed() {
        HeadCase c = new HeadCase(arena, workers, 1, 4, 1);
        float lost = Float.NEGATIVE_INFINITY;
        c.hidden.fill(1);
        c.weight.copyFrom(Matrix.of(arena, 4, 1, 1, lost, lost, 3));
        c.targets.set(0, 0);
        HeadInputs inputs = HeadInputs.of(c.hidden, c.weight, c.targets);
        c.options = c.options.withLabelSmoothing(0.1).withSoftcap(5);
        HeadInputs weighted = inputs.withClassWeights(Matrix.of(arena, 1, 4, 1, 0, 1, 1));
        NonFiniteLogitException e = assertThrows(
                NonFiniteLogitException.class, () -> c.head(workers).run(weighted, HeadOutputs.NONE));
        assertEquals(2, e.row());
        assertEquals(1, e.count());
        c.targets.set(0, 2);
        e = assertThrows(NonFiniteLogitException.class, () -> c.head(workers).run(inputs, HeadOutputs.NONE));
        assertEquals(1, e.row());
        assertEquals(2, e.count());
    }

    @Test
    void optionsOfEqualValuesAreEqualAndSayThem() {
        HeadOptions options = HeadOptions.DEFAULT.withLabelSmoothing(0.1).withSoftTargets(SoftTargets.of(3));
        assertEquals(
                options, HeadOptions.DEFAULT.withSoftTargets(SoftTargets.of(3)).withLabelSmoothing(0.1));
        assertEquals(HeadOptions.DEFAULT, options.withLabelSmoothing(0).withSoftTargets(null));
        assertTrue(options.toString().startsWith("HeadOptions{reduction=MEAN, "), options.toString());
        assertTrue(options.toString().contains("labelSmoothing=0.1"), options.toString());
    }

    @Test
    void aBiasOfMinusInfinityTakesAnEntryOut() {
        HeadCase c = new HeadCase(arena, workers, 50, 401, 8);
        for (int t = 0; t < 50; t++) {
            c.targets.set(t, t);
        }
        for (int v = 60; v < 401; v++) {
            c.bias.set(0, v, Float.NEGATIVE_INFINITY); // whole blocks of the vocabulary among them
        }
        double loss = c.run();
        for (int v = 60; v < 401; v++) {
            assertEquals(0, c.db.get(0, v));
            assertEquals(0, c.dW.get(v, 7));
        }
        Matrix few = c.weight.rows(0, 60);
        Matrix biases = c.bias.view(0, 0, 1, 60);
        double expected = new LinearCrossEntropy(arena, workers, 50, 60, 8, c.options)
                .run(HeadInputs.of(c.hidden, few, c.targets).withBias(biases), HeadOutputs.NONE)
                .loss();
        assertEquals(expected, loss);
        c.targets.set(49, 60);
        refused("the target of token 49 is 60, which a bias of -Infinity has taken out of the vocabulary", c);
        for (int v = 1; v < 60; v++) {
            c.bias.set(0, v, Float.NEGATIVE_INFINITY);
        }
        for (int t = 0; t < 50; t++) {
            c.targets.set(t, 0);
        }
        assertEquals(0, c.run()); // nothing else is left
    }

    /** Logits that are exact in float32, so that what is known of the loss is known of the engine's. */
    private static HeadCase withLogits(float[] logits, int target) {
        HeadCase c = new HeadCase(arena, workers, 1, logits.length, 1);
        c.hidden.set(0, 0, 1);
        for (int v = 0; v < logits.length; v++) {
            c.weight.set(v, 0, logits[v]);
            c.bias.set(0, v, 0);
        }
        c.targets.set(0, target);
        return c;
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 1e4f, -1e4f, 1e8f, -1e8f, 1e30f})
    void equalLogitsOfAnySize(float offset) {
        float[] logits = new float[1000];
        java.util.Arrays.fill(logits, offset);
        HeadCase c = withLogits(logits, 333);
        assertEquals(Math.log(1000), c.run(), 1e-6);
        assertEquals(-0.999, c.db.get(0, 333), 1e-7);
        assertEquals(0.001, c.db.get(0, 0), 1e-9);
    }

    @Test
    void aCommonOffsetChangesNothing() {
        float[] logits = new float[500];
        float[] shifted = new float[500];
        for (int v = 0; v < 500; v++) {
            logits[v] = 8 * (v % 7); // multiples of 8: exact beside 1e8, whose ulp is 8
            shifted[v] = logits[v] + 1e8f;
        }
        HeadCase plain = withLogits(logits, 3);
        HeadCase moved = withLogits(shifted, 3);
        assertEquals(plain.run(), moved.run());
        assertArrayEquals(Numbers.bits(plain.db), Numbers.bits(moved.db));
    }

    @ParameterizedTest
    @ValueSource(floats = {1, 10, 20, 40, 69, 80})
    void confidentTokensKeepTheirRelativeAccuracy(float margin) {
        HeadCase c = withLogits(new float[] {0, margin, 0, -margin}, 1);
        double others = 2 * Math.exp(-margin) + Math.exp(-2 * margin);
        double loss = Math.log1p(others);
        assertEquals(loss, c.run(), 1e-6 * loss);
        assertEquals(loss, c.losses.get(0, 0), 1e-6 * loss);
        double gradient = -others / (1 + others);
        assertEquals(gradient, c.db.get(0, 1), 1e-6 * -gradient);
        assertEquals(Math.exp(-margin) / (1 + others), c.db.get(0, 0), 1e-6 * Math.exp(-margin));
    }

    /** Each of the many is below half an ulp of the one that is large. */
    @ParameterizedTest
    @ValueSource(ints = {0, 95, 191, 500})
    void manySmallExponentialsBesideALargeOneAreNotLost(int large) {
        float[] logits = new float[1000];
        java.util.Arrays.fill(logits, -17.5f);
        logits[large] = 0;
        double sum = 1 + 999 * Math.exp(-17.5);
        HeadCase c = withLogits(logits, 7);
        assertEquals(Math.log(sum) + 17.5, c.run(), 2e-7);
        assertEquals(1 / sum, c.db.get(0, large), 1e-7);
    }

    @Test
    void aLoneEntryIsCertain() {
        HeadCase c = withLogits(new float[] {-3}, 0);
        assertEquals(0, c.run());
        assertEquals(0, c.db.get(0, 0));
        assertEquals(200, withLogits(new float[] {200, 0}, 1).run(), 1e-5);
        assertEquals(2e38, withLogits(new float[] {1e38f, -1e38f}, 1).run(), 1e32);
    }

    @Test
    void aTargetsLogitThatOverflowsIsReported() {
        HeadCase c = new HeadCase(arena, workers, 40, 50, 3);
        c.hidden.set(17, 1, 1e30f);
        c.weight.set(23, 1, 1e30f);
        c.targets.set(17, 23);
        NonFiniteLogitException thrown = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(17, thrown.token());
        assertEquals(23, thrown.row());
        assertEquals(1, thrown.count());
        assertEquals("the logit of token 17 and vocabulary row 23 is Infinity", thrown.getMessage());
    }

    /** The call fails, says so, and has written nothing. */
    private static void refused(String part, HeadCase c) {
        int[][] before = c.bits();
        String message = assertThrows(IllegalArgumentException.class, c::run).getMessage();
        assertTrue(message.contains(part), message);
        assertArrayEquals(before, c.bits());
    }
}
