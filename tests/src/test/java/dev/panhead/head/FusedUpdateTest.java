package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.Sgd;
import dev.panhead.optim.SliceUpdate;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A weight that is updated slice by slice becomes what the whole gradient would have made of it, to the bit. */
class FusedUpdateTest {

    private static final double RATE = 0.01;

    private enum Optimizer {
        ADAM_W,
        SGD,
        NESTEROV
    }

    static Stream<Arguments> cases() {
        int[][] shapes = {{7, 5, 3}, {41, 409, 24}, {300, 1700, 70}, {1, 1, 1}};
        return Stream.of(shapes).flatMap(shape -> Stream.of(Optimizer.values()).flatMap(optimizer -> Stream.of(
                        HeadOptions.DEFAULT,
                        HeadOptions.DEFAULT.withLean(true),
                        HeadOptions.DEFAULT.withLean(true).withLabelSmoothing(0.1),
                        HeadOptions.DEFAULT.withSoftcap(3).withReduction(Reduction.SUM))
                .map(options -> Arguments.of(shape[0], shape[1], shape[2], optimizer, options))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsTheStepOnTheWholeGradient(
            int tokens, int vocabulary, int width, Optimizer optimizer, HeadOptions options) {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            HeadCase c = new HeadCase(arena, workers, tokens, vocabulary, width);
            Matrix weight = Numbers.nanPadded(arena, vocabulary, width);
            weight.copyFrom(c.weight);
            AdamW adam = new AdamW(workers, 0.9, 0.95, 1e-8, 0.1);
            Sgd sgd = new Sgd(workers, optimizer == Optimizer.NESTEROV ? 0.9 : 0, optimizer == Optimizer.NESTEROV, 0.1);
            AdamW.Moments moments = AdamW.Moments.allocate(arena, vocabulary, width);
            AdamW.Moments whole = AdamW.Moments.allocate(arena, vocabulary, width);
            boolean momentum = optimizer == Optimizer.NESTEROV;
            AdamW.Slices adamSlices = adam.slices(weight, moments);
            Sgd.Slices sgdSlices = sgd.slices(weight, momentum ? moments.first() : null);
            SliceUpdate update = optimizer == Optimizer.ADAM_W ? adamSlices : sgdSlices;
            Matrix dX = Numbers.nanPadded(arena, tokens, width);
            Matrix db = Numbers.nanPadded(arena, 1, vocabulary);
            LinearCrossEntropy head = new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, options);
            LinearCrossEntropy fused =
                    new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, options.withFusedUpdate(true));
            HeadOutputs outputs = HeadOutputs.NONE
                    .withHidden(Gradient.write(dX))
                    .withBias(Gradient.write(db))
                    .withWeightUpdate(update);
            for (int step = 1; step <= 4; step++) {
                for (int t = 0; t < tokens; t++) {
                    boolean ignored = step == 3 || t % 5 == 3; // all of them in the third step
                    c.targets.set(t, ignored ? HeadOptions.IGNORE_INDEX : (t * 37 + step) % vocabulary);
                }
                double expected = head.run(c.inputs(), c.outputs()).loss();
                if (optimizer == Optimizer.ADAM_W) {
                    adam.update(c.weight, c.dW, whole, step, RATE, 1);
                    adamSlices.prepare(step, RATE);
                } else {
                    sgd.update(c.weight, c.dW, momentum ? whole.first() : null, RATE, 1);
                    sgdSlices.prepare(RATE);
                }
                HeadInputs inputs = HeadInputs.of(c.hidden, weight, c.targets).withBias(c.bias);
                assertEquals(expected, fused.run(inputs, outputs).loss());
                assertArrayEquals(Numbers.bits(c.dX), Numbers.bits(dX));
                assertArrayEquals(Numbers.bits(c.db), Numbers.bits(db));
                assertArrayEquals(Numbers.bits(c.weight), Numbers.bits(weight));
                assertArrayEquals(Numbers.bits(whole.first()), Numbers.bits(moments.first()));
                assertArrayEquals(Numbers.bits(whole.second()), Numbers.bits(moments.second()));
                assertTrue(Numbers.paddingIntact(weight));
            }
        }
    }

    /** What a step takes beside the parameters, the optimizer's state and dX, with a gradient and without. */
    @Test
    void savesTheGradientsMemory() {
        int tokens = 256;
        int vocabulary = 20_000;
        int width = 300;
        long gradient = (long) vocabulary * width * Float.BYTES;
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            HeadCase c = new HeadCase(arena, workers, tokens, vocabulary, width);
            AdamW.Slices update = new AdamW(workers, 0.9, 0.95, 1e-8, 0)
                    .slices(c.weight, AdamW.Moments.allocate(arena, vocabulary, width));
            update.prepare(1, RATE);
            long whole;
            try (CountingArena counting = new CountingArena()) {
                new LinearCrossEntropy(counting, workers, tokens, vocabulary, width, HeadOptions.DEFAULT)
                        .run(c.inputs(), c.outputs());
                whole = counting.bytes() + gradient;
            }
            HeadOptions options = HeadOptions.DEFAULT.withFusedUpdate(true).withLean(true);
            String message = assertThrows(
                            IllegalArgumentException.class,
                            () -> new LinearCrossEntropy(
                                    arena, workers, tokens, vocabulary, width, options.withScratchBytes(1)))
                    .getMessage();
            long bound = Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
            try (CountingArena counting = new CountingArena()) {
                new LinearCrossEntropy(counting, workers, tokens, vocabulary, width, options.withScratchBytes(bound))
                        .run(
                                c.inputs(),
                                HeadOutputs.NONE
                                        .withHidden(Gradient.write(c.dX))
                                        .withBias(Gradient.write(c.db))
                                        .withWeightUpdate(update));
                assertTrue(counting.bytes() <= bound, counting.bytes() + " of " + bound);
                assertTrue(whole - counting.bytes() > gradient, whole + " and " + counting.bytes());
            }
        }
    }

    /** A head that may update its weight but does not, in this call: its weight may be of 16 bits, and dX is as always. */
    @Test
    void aCallWithoutAnUpdateIsAnother() {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            HeadCase c = new HeadCase(arena, workers, 20, 1700, 16);
            HalfMatrix halves = HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, c.weight);
            HeadInputs inputs = HeadInputs.of(c.hidden, halves, c.targets);
            HeadOutputs outputs = HeadOutputs.NONE.withHidden(Gradient.write(c.dX));
            c.head().run(inputs, outputs);
            int[] expected = Numbers.bits(c.dX);
            c.dX.fill(Float.NaN);
            c.options = c.options.withFusedUpdate(true).withLean(true);
            c.head().run(inputs, outputs);
            assertArrayEquals(expected, Numbers.bits(c.dX));
        }
    }

    /** A forward pass that fails leaves the step prepared; one that is made is taken. */
    @Test
    void aStepIsTakenWhenItBegins() {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            HeadCase c = new HeadCase(arena, workers, 20, 1700, 16);
            c.options = c.options.withFusedUpdate(true).withLean(true);
            AdamW.Slices update =
                    new AdamW(workers, 0.9, 0.95, 1e-8, 0).slices(c.weight, AdamW.Moments.allocate(arena, 1700, 16));
            HeadOutputs outputs = HeadOutputs.NONE.withWeightUpdate(update);
            update.prepare(1, RATE);
            c.hidden.set(3, 3, Float.NaN);
            refused(NonFiniteLogitException.class, "is NaN", c, c.inputs(), outputs);
            c.hidden.set(3, 3, 1);
            c.head().run(c.inputs(), outputs);
            refused(IllegalStateException.class, "was not prepared", c, c.inputs(), outputs);
        }
    }

    @Test
    void refuses() {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            HeadCase c = new HeadCase(arena, workers, 3, 4, 8);
            c.options = c.options.withFusedUpdate(true);
            AdamW adam = new AdamW(workers, 0.9, 0.95, 1e-8, 0);
            AdamW.Moments moments = AdamW.Moments.allocate(arena, 4, 8);
            AdamW.Slices update = adam.slices(c.weight, moments);
            HeadOutputs outputs = HeadOutputs.NONE.withWeightUpdate(update);
            refused(IllegalStateException.class, "was not prepared", c, c.inputs(), outputs);
            update.prepare(1, RATE);
            assertThrows(IllegalArgumentException.class, () -> update.prepare(2, -RATE));
            refused(IllegalStateException.class, "was not prepared", c, c.inputs(), outputs);
            update.prepare(1, RATE);
            int[] before = Numbers.bits(c.weight);
            refused("either written or made an update of", c, c.inputs(), outputs.withWeight(Gradient.write(c.dW)));
            refused(
                    "which is not, or lies elsewhere than, the weight that is read",
                    c,
                    HeadInputs.of(c.hidden, Matrix.allocate(arena, 4, 8), c.targets),
                    outputs);
            HalfMatrix halves = HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, c.weight);
            refused(
                    "the weight that is read, HalfMatrix[BFLOAT16, 4 x 8]",
                    c,
                    HeadInputs.of(c.hidden, halves, c.targets),
                    outputs);
            refused(
                    "optimizer's state shares memory with hidden gradient",
                    c,
                    c.inputs(),
                    outputs.withHidden(Gradient.write(moments.second().rows(0, 3))));
            refused(
                    "optimizer's state shares memory with hidden",
                    c,
                    HeadInputs.of(moments.first().rows(1, 4), c.weight, c.targets),
                    outputs);
            c.options = c.options.withFusedUpdate(false);
            refused("not planned for an update", c, c.inputs(), outputs);
            assertArrayEquals(before, Numbers.bits(c.weight));
            c.options = c.options.withFusedUpdate(true);
            c.weight.set(2, 1, Float.NaN);
            refused(NonFiniteLogitException.class, "is NaN", c, c.inputs(), outputs);
            c.weight.set(2, 1, Float.intBitsToFloat(before[17]));
            assertArrayEquals(before, Numbers.bits(c.weight), "a call that fails has updated nothing");
            assertThrows(IllegalArgumentException.class, () -> update.prepare(0, RATE));
            assertThrows(IllegalArgumentException.class, () -> update.prepare(1, -1));
            assertThrows(
                    IllegalArgumentException.class, () -> adam.slices(c.weight, AdamW.Moments.allocate(arena, 8, 4)));
            assertThrows(IllegalArgumentException.class, () -> new Sgd(workers, 0.5, false, 0).slices(c.weight, null));
        }
    }

    private static void refused(String part, HeadCase c, HeadInputs inputs, HeadOutputs outputs) {
        refused(IllegalArgumentException.class, part, c, inputs, outputs);
    }

    private static void refused(
            Class<? extends RuntimeException> type, String part, HeadCase c, HeadInputs inputs, HeadOutputs outputs) {
        String message = assertThrows(type, () -> c.head().run(inputs, outputs)).getMessage();
        assertTrue(message.contains(part), message);
    }
}
