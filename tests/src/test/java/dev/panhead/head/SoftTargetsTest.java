package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.FeatureCase.Feature;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Soft targets and top rows at their ends; in general they are among the features. */
class SoftTargetsTest {

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

    /** A teacher that knows but the target is a hard target; one that the student equals has neither KL divergence nor gradient. */
    @Test
    void softTargetsAtTheirEnds() {
        FeatureCase hard = new FeatureCase(arena, workers, 5, 40, 6);
        double expected = hard.run().loss();
        FeatureCase soft = new FeatureCase(arena, workers, 5, 40, 6);
        Ints rows = Ints.allocate(arena, 10);
        Matrix probabilities = Matrix.allocate(arena, 5, 2);
        for (int t = 0; t < 5; t++) {
            rows.set(2 * t, -1);
            rows.set(2 * t + 1, soft.targets.get(t));
            probabilities.set(t, 0, Float.NaN); // not read
            probabilities.set(t, 1, 1);
        }
        soft.inputs = soft.inputs.withSoftTargets(rows, probabilities);
        soft.options = soft.options.withSoftTargets(SoftTargets.of(2));
        assertEquals(expected, soft.run().loss(), 1e-14);
        assertArrayEquals(Numbers.bits(hard.dX), Numbers.bits(soft.dX));
        assertArrayEquals(Numbers.bits(hard.dW), Numbers.bits(soft.dW));

        FeatureCase same = new FeatureCase(arena, workers, 5, 40, 6);
        Ints all = Ints.allocate(arena, 5 * 40);
        Matrix own = Matrix.allocate(arena, 5, 40);
        same.options = same.options.withTopK(40);
        same.outputs = same.outputs.withTopRows(all).withTopLogProbabilities(own);
        same.run(); // the student as its own teacher
        for (int i = 0; i < 5 * 40; i++) {
            own.set(i / 40, i % 40, (float) Math.exp(own.get(i / 40, i % 40)));
        }
        same.inputs = same.inputs.withSoftTargets(all, own);
        same.options = HeadOptions.DEFAULT.withSoftTargets(
                new SoftTargets(40, 1, SoftTargets.Remainder.DROPPED, SoftTargets.Divergence.KULLBACK_LEIBLER));
        same.outputs = HeadOutputs.gradients(same.dX, same.dW);
        assertEquals(0, same.run().loss(), 1e-6);
        for (float value : same.dX.toArray()) {
            assertEquals(0, value, 1e-6);
        }
    }

    /** What a teacher is sure of is as exact as what a label is sure of: nothing cancels. */
    @Test
    void aSureTeacherIsAsExactAsALabel() {
        Matrix hidden = Matrix.of(arena, 1, 1, 1);
        Matrix weight = Matrix.of(arena, 3, 1, 0, 20, 0);
        Matrix[] gradients = new Matrix[4];
        double[] losses = new double[2];
        for (int i = 0; i < 2; i++) {
            gradients[2 * i] = Matrix.allocate(arena, 1, 1);
            gradients[2 * i + 1] = Matrix.allocate(arena, 3, 1);
            HeadInputs inputs = HeadInputs.of(hidden, weight, Ints.of(i == 0 ? 1 : 0));
            HeadOptions options = HeadOptions.DEFAULT;
            if (i == 1) {
                inputs = inputs.withSoftTargets(Ints.of(1), Matrix.of(arena, 1, 1, 1));
                options = options.withSoftTargets(SoftTargets.of(1));
            }
            losses[i] = new LinearCrossEntropy(arena, workers, 1, 3, 1, options)
                    .run(inputs, HeadOutputs.gradients(gradients[2 * i], gradients[2 * i + 1]))
                    .loss();
        }
        assertEquals(Math.log1p(2 * Math.exp(-20)), losses[0], 1e-22);
        assertEquals(losses[0], losses[1], 1e-22);
        assertArrayEquals(Numbers.bits(gradients[0]), Numbers.bits(gradients[2]));
        assertArrayEquals(Numbers.bits(gradients[1]), Numbers.bits(gradients[3]));
    }

    /** A logit that overflows to -infinity where the teacher has some probability is a loss of infinity, and said to be. */
    @Test
    void aSoftTargetsLogitThatOverflowsIsReported() {
        FeatureCase c = new FeatureCase(arena, workers, 1, 3, 1);
        c.hidden.set(0, 0, 1e20f);
        c.weight.copyFrom(Matrix.of(arena, 3, 1, 1, 2, -1e20f));
        c.targets.set(0, 1);
        c.options = c.options.withSoftTargets(SoftTargets.of(1));
        c.inputs = c.inputs.withSoftTargets(Ints.of(2), Matrix.of(arena, 1, 1, 0.5f));
        NonFiniteLogitException thrown = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(2, thrown.row());
        assertEquals(1, thrown.count());
        c.inputs = c.inputs.withSoftTargets(Ints.of(2), Matrix.of(arena, 1, 1, 0));
        assertEquals(0, c.run().loss());
    }

    /** A spread remainder gives every entry a share, unless there is no remainder. */
    @ParameterizedTest
    @ValueSource(floats = {0, 5})
    void aLogitThatOverflowsCountsWhereTheRemainderIsSpread(float cap) {
        FeatureCase c = new FeatureCase(arena, workers, 2, 4, 1);
        c.hidden.fill(-1);
        c.weight.copyFrom(Matrix.of(arena, 4, 1, 1, 2, Float.POSITIVE_INFINITY, 1));
        c.targets.set(0, 1);
        c.targets.set(1, 1);
        c.options = c.options
                .withSoftcap(cap)
                .withSoftTargets(
                        new SoftTargets(2, 0.5, SoftTargets.Remainder.SPREAD, SoftTargets.Divergence.CROSS_ENTROPY));
        c.inputs = c.inputs.withSoftTargets(Ints.of(0, 3, 0, 3), Matrix.of(arena, 2, 2, 0.5f, 0.5f, 0.75f, 0.25f));
        assertTrue(Double.isFinite(c.run().loss()));
        c.inputs = c.inputs.withSoftTargets(Ints.of(0, 3, 0, 2), Matrix.of(arena, 2, 2, 0.5f, 0.5f, 0.5f, 0.25f));
        NonFiniteLogitException thrown = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(1, thrown.token());
        assertEquals(2, thrown.row());
        assertEquals(1, thrown.count());
    }

    /** Of equal logits the lower rows come first, whichever worker came by them; entries that are taken out never. */
    @Test
    void topRowsOfEqualLogits() {
        FeatureCase c = new FeatureCase(arena, workers, 40, 2000, 4);
        c.weight.fill(1);
        Matrix bias = Matrix.allocate(arena, 1, 2000);
        bias.set(0, 1, Float.NEGATIVE_INFINITY);
        c.targets.set(7, 1999);
        for (int t = 0; t < 40; t++) {
            c.targets.set(t, Math.max(2, c.targets.get(t)));
        }
        c.inputs = c.inputs.withBias(bias);
        c.with(Feature.TOP);
        c.run();
        for (int t = 0; t < 40; t++) {
            int[] rows = {0, 2, 3, 4};
            for (int j = 0; j < 4; j++) {
                assertEquals(rows[j], c.topRows.get(4 * t + j));
                assertEquals(-Math.log(1999), c.topLogProbabilities.get(t, j), 1e-5);
            }
        }
        FeatureCase few = new FeatureCase(arena, workers, 1, 3, 4);
        few.targets.set(0, 2);
        few.inputs = few.inputs.withBias(Matrix.of(arena, 1, 3, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY, 0));
        few.with(Feature.TOP);
        few.run();
        assertEquals(2, few.topRows.get(0));
        assertEquals(0, few.topLogProbabilities.get(0, 0));
        assertEquals(-1, few.topRows.get(1));
        assertEquals(-1, few.topRows.get(2));
        assertEquals(Float.NEGATIVE_INFINITY, few.topLogProbabilities.get(0, 2));
    }

    @Test
    void badSoftTargetsAreNamed() {
        FeatureCase c = new FeatureCase(arena, workers, 2, 9, 4);
        c.targets.set(0, 1);
        c.targets.set(1, 2);
        HeadInputs plain = c.inputs;
        Matrix half = Matrix.of(arena, 2, 2, 0.5f, 0.5f, 0.5f, 0.5f);
        refuse(c, plain.withSoftTargets(Ints.of(1, 2, 3, 4), half), "not planned for soft targets");
        c.options = c.options.withSoftTargets(SoftTargets.of(2));
        refuse(c, plain, "planned for soft targets, but there are none");
        refuse(c, plain.withSoftTargets(Ints.of(1, 2, 3), half), "soft targets must be 4, but are 3");
        refuse(c, plain.withSoftTargets(Ints.of(1, 2, 3, 3), half), "two soft targets of token 1 are 3");
        refuse(c, plain.withSoftTargets(Ints.of(1, 2, 3, 9), half), "a soft target of token 1 is 9, which is neither");
        refuse(
                c,
                plain.withSoftTargets(Ints.of(-2, 2, 3, 4), half),
                "a soft target of token 0 is -2, which is neither");
        Ints rows = Ints.of(1, 2, 3, 4);
        Matrix much = Matrix.of(arena, 2, 2, 0.5f, 0.5f, 0.5f, 0.6f);
        refuse(c, plain.withSoftTargets(rows, much), "sum of the soft targets' probabilities of token 1 is 1.1");
        Matrix negative = Matrix.of(arena, 2, 2, 0.5f, -0.5f, 0.5f, 0.5f);
        refuse(c, plain.withSoftTargets(rows, negative), "probability of a soft target of token 0 is -0.5");
        Matrix bias = Matrix.allocate(arena, 1, 9);
        bias.set(0, 4, Float.NEGATIVE_INFINITY);
        refuse(
                c,
                plain.withBias(bias).withSoftTargets(rows, half),
                "a soft target of token 1 is 4, which a bias of -Infinity has taken out");
        refuse(
                c,
                plain.withSoftTargets(rows, Matrix.allocate(arena, 2, 3)),
                "soft targets' probabilities must be 2 x 2, but is 2 x 3");
        c.options = HeadOptions.DEFAULT.withSoftTargets(
                new SoftTargets(2, 1, SoftTargets.Remainder.SCALED, SoftTargets.Divergence.CROSS_ENTROPY));
        refuse(
                c,
                plain.withSoftTargets(rows, Matrix.allocate(arena, 2, 2)),
                "sum of the soft targets' probabilities of token 0 is 0");
        assertThrows(IllegalArgumentException.class, () -> SoftTargets.of(0));
        assertThrows(
                IllegalArgumentException.class,
                () -> new SoftTargets(1, 1.5, SoftTargets.Remainder.SCALED, SoftTargets.Divergence.CROSS_ENTROPY));
        FeatureCase top = new FeatureCase(arena, workers, 2, 9, 4);
        top.outputs = top.outputs.withTopRows(Ints.allocate(arena, 4));
        refuse(top, top.inputs, "not planned for top rows");
        top.options = top.options.withTopK(10);
        refuse(top, top.inputs, "topK is 10, but the vocabulary has 9 entries");
        top.options = top.options.withScratchBytes(Long.MAX_VALUE).withTopK(1 << 23);
        String many = assertThrows(
                        IllegalArgumentException.class,
                        () -> new LinearCrossEntropy(arena, workers, 512, 1 << 24, 1, top.options))
                .getMessage();
        assertTrue(many.contains("topK is 8388608, which is too many"), many);
        String huge = assertThrows(
                        IllegalArgumentException.class,
                        () -> new LinearCrossEntropy(
                                arena,
                                workers,
                                1 << 30,
                                Integer.MAX_VALUE,
                                1,
                                HeadOptions.DEFAULT.withFusedUpdate(true)))
                .getMessage();
        assertTrue(huge.startsWith("scratchBytes is 268435456, but a chunk of 1073741824 tokens"), huge);
        top.options = HeadOptions.DEFAULT.withTopK(3);
        refuse(top, top.inputs, "top rows must be 6, but are 4");
    }

    private static void refuse(FeatureCase c, HeadInputs inputs, String part) {
        c.inputs = inputs;
        String message = assertThrows(RuntimeException.class, c::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
