package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.reference.Oracle;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Loss and gradients against the double-precision oracle. */
class LinearCrossEntropyTest {

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

    static Stream<Arguments> cases() {
        int[][] shapes = {
            {0, 3, 2},
            {1, 1, 1},
            {1, 2, 1},
            {2, 1, 3},
            {5, 7, 3},
            {31, 193, 17},
            {33, 385, 96},
            {17, 192, 97},
            {256, 512, 128},
            {252, 507, 123},
            {9, 6500, 5},
            {300, 61, 300},
            {600, 13, 5}
        };
        return Stream.of(shapes).flatMap(s -> Stream.of(Reduction.values()).flatMap(r -> Stream.of(false, true)
                .flatMap(bias -> Stream.of(false, true).map(some -> Arguments.of(s[0], s[1], s[2], r, bias, some)))));
    }

    /**
     * Every result within its a-priori bound. A logit errs by at most e_z = gamma_(d + 3) |w| |x| (Higham 3.1), so its
     * exponential by a factor e^(2 e_z) after the shift, and by some roundings of its own; a gradient by that and gamma of its
     * sum.
     */
    @ParameterizedTest
    @MethodSource("cases")
    void isExact(int tokens, int vocabulary, int width, Reduction reduction, boolean withBias, boolean ignoreSome) {
        try (Arena local = Arena.ofShared()) {
            Numbers numbers = new Numbers(tokens * 1009L + vocabulary * 31L + width);
            Matrix hidden = numbers.padded(local, tokens, width, 1);
            Matrix weight = numbers.padded(local, vocabulary, width, 0.5f);
            Matrix bias = withBias ? numbers.padded(local, 1, vocabulary, 1) : null;
            Ints targets = numbers.targets(tokens, vocabulary);
            makeHalfConfident(hidden, weight, targets);
            int kept = tokens;
            for (int t = 0; ignoreSome && t < tokens; t += 3) {
                targets.set(t, HeadOptions.IGNORE_INDEX);
                hidden.rows(t, t + 1).fill(Float.NaN); // must not matter
                kept--;
            }
            Matrix upstream = reduction == Reduction.NONE ? numbers.padded(local, 1, tokens, 1) : null;
            double[] scale = new double[tokens];
            for (int t = 0; t < tokens; t++) {
                scale[t] = upstream != null ? upstream.get(0, t) : reduction == Reduction.MEAN ? 1.0 / kept : 1;
            }
            HeadInputs inputs =
                    HeadInputs.of(hidden, weight, targets).withBias(bias).withUpstream(upstream);
            Matrix losses = Numbers.nanPadded(local, 1, tokens);
            Matrix dX = Numbers.nanPadded(local, tokens, width);
            Matrix dW = Numbers.nanPadded(local, vocabulary, width);
            Matrix db = Numbers.nanPadded(local, 1, vocabulary);
            HeadOutputs outputs =
                    HeadOutputs.gradients(dX, dW).withBias(Gradient.write(db)).withLosses(losses);
            HeadOptions options = HeadOptions.DEFAULT.withReduction(reduction);
            HeadResult result =
                    new LinearCrossEntropy(local, workers, tokens, vocabulary, width, options).run(inputs, outputs);

            Oracle oracle = new Oracle(hidden, weight, bias, targets, HeadOptions.IGNORE_INDEX, scale);
            double logitError = logitError(hidden, weight, bias, targets);
            assertEquals(kept, result.tokens());
            assertEquals(tokens - kept, result.ignored());
            double expected = kept == 0 ? 0 : oracle.sum() / (reduction == Reduction.MEAN ? kept : 1);
            assertEquals(expected, result.loss(), 3 * logitError * (reduction == Reduction.MEAN ? 1 : kept) + 1e-300);
            for (int t = 0; t < tokens; t++) {
                assertEquals(
                        oracle.losses[t], losses.get(0, t), (2 * logitError + 8 * Oracle.U) * (1 + oracle.losses[t]));
            }
            double relative = Math.expm1(4 * logitError + 16 * Oracle.U);
            double sumOverV = (256 + vocabulary / 256 + 4) * Oracle.U;
            double sumOverT = (256 + tokens / 256 + 4) * Oracle.U;
            assertTrue(Oracle.error(dX, oracle.dX, oracle.absX) <= relative + sumOverV);
            assertTrue(Oracle.error(dW, oracle.dW, oracle.absW) <= relative + sumOverT);
            assertTrue(Oracle.error(db, oracle.db, oracle.absB) <= relative + sumOverT);
            assertTrue(Numbers.paddingIntact(dX) && Numbers.paddingIntact(dW));
        }
    }

    /**
     * The target's term of a gradient is mostly the largest by far; it is added once, behind all others, so that a sum over
     * thousands of entries or tokens costs it no more than the roundings of its own product.
     */
    @Test
    void targetsTermsAreRoundedOnce() {
        int tokens = 700;
        int vocabulary = 5000;
        int width = 8;
        Numbers numbers = new Numbers(5);
        Matrix hidden = numbers.matrix(arena, tokens, width, 1);
        Matrix weight = numbers.matrix(arena, vocabulary, width, 0.02f);
        Ints targets = numbers.targets(tokens, vocabulary);
        Matrix dX = Matrix.allocate(arena, tokens, width);
        Matrix dW = Matrix.allocate(arena, vocabulary, width);
        new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, HeadOptions.DEFAULT)
                .run(HeadInputs.of(hidden, weight, targets), HeadOutputs.gradients(dX, dW));
        double[] scale = new double[tokens];
        java.util.Arrays.fill(scale, 1.0 / tokens);
        Oracle oracle = new Oracle(hidden, weight, null, targets, HeadOptions.IGNORE_INDEX, scale);
        assertEquals(0, meanError(dX, oracle.dX), Oracle.U);
        assertEquals(0, meanError(dW, oracle.dW), Oracle.U);
    }

    /** The root of the mean square error, relative to that of the elements. */
    private static double meanError(Matrix computed, org.apache.commons.math3.linear.RealMatrix exact) {
        double errors = 0;
        double squares = 0;
        for (int r = 0; r < computed.rows(); r++) {
            for (int c = 0; c < computed.columns(); c++) {
                errors += Math.pow(computed.get(r, c) - exact.getEntry(r, c), 2);
                squares += Math.pow(exact.getEntry(r, c), 2);
            }
        }
        return Math.sqrt(errors / squares);
    }

    /** Every other token's hidden state is turned towards its target's row: p of the target is near 1. */
    private static void makeHalfConfident(Matrix hidden, Matrix weight, Ints targets) {
        for (int t = 0; t < hidden.rows(); t += 2) {
            for (int k = 0; k < hidden.columns(); k++) {
                hidden.set(t, k, hidden.get(t, k) + 4 * weight.get(targets.get(t), k));
            }
        }
    }

    private static double logitError(Matrix hidden, Matrix weight, Matrix bias, Ints targets) {
        double largest = 0;
        for (int t = 0; t < hidden.rows(); t++) {
            for (int v = 0; v < weight.rows() && targets.get(t) >= 0; v++) {
                double size = bias == null ? 0 : Math.abs(bias.get(0, v));
                for (int k = 0; k < hidden.columns(); k++) {
                    size += Math.abs((double) hidden.get(t, k) * weight.get(v, k));
                }
                largest = Math.max(largest, size);
            }
        }
        int roundings = Math.min(hidden.columns(), 256) + hidden.columns() / 256 + 3;
        return roundings * Oracle.U * largest;
    }

    /** The gradients are those of the loss: central differences of the oracle's loss in double. */
    @Test
    void gradientsAreFiniteDifferences() {
        Numbers numbers = new Numbers(77);
        int tokens = 9;
        int vocabulary = 11;
        int width = 5;
        Matrix hidden = numbers.matrix(arena, tokens, width, 1);
        Matrix weight = numbers.matrix(arena, vocabulary, width, 1);
        Matrix bias = numbers.matrix(arena, 1, vocabulary, 1);
        Ints targets = numbers.targets(tokens, vocabulary);
        Matrix dX = Matrix.allocate(arena, tokens, width);
        Matrix dW = Matrix.allocate(arena, vocabulary, width);
        Matrix db = Matrix.allocate(arena, 1, vocabulary);
        new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, HeadOptions.DEFAULT)
                .run(
                        HeadInputs.of(hidden, weight, targets).withBias(bias),
                        HeadOutputs.gradients(dX, dW).withBias(Gradient.write(db)));
        Matrix[] parameters = {hidden, weight, bias};
        Matrix[] gradients = {dX, dW, db};
        for (int i = 0; i < 3; i++) {
            for (int r = 0; r < parameters[i].rows(); r++) {
                for (int c = 0; c < parameters[i].columns(); c++) {
                    float at = parameters[i].get(r, c);
                    float up = at + 0x1p-7f;
                    float down = at - 0x1p-7f;
                    parameters[i].set(r, c, up);
                    double above = oracleLoss(hidden, weight, bias, targets);
                    parameters[i].set(r, c, down);
                    double below = oracleLoss(hidden, weight, bias, targets);
                    parameters[i].set(r, c, at);
                    // the difference quotient itself errs by h^2 / 6 times a third derivative of order 1
                    assertEquals((above - below) / ((double) up - down), gradients[i].get(r, c), 2e-5);
                }
            }
        }
    }

    private static double oracleLoss(Matrix hidden, Matrix weight, Matrix bias, Ints targets) {
        double[] scale = new double[hidden.rows()];
        return new Oracle(hidden, weight, bias, targets, HeadOptions.IGNORE_INDEX, scale).sum() / hidden.rows();
    }
}
