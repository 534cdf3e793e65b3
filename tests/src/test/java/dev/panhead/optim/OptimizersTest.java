package dev.panhead.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptimizersTest {

    private static final int ROWS = 23;
    private static final int COLUMNS = 37;

    /** Three roundings a step of a parameter below 6 in size, the largest that the generator gives. */
    private static final double STEP_ERROR = 3 * 6 * 0x1p-24;

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

    /** 1 minus so small a decay is one of the few float32 numbers below 1, whose decays are 10 % apart. */
    @Test
    void aSmallDecayIsNotRounded() {
        Matrix p = Matrix.allocate(arena, 100, 101);
        double before = 0;
        for (int r = 0; r < p.rows(); r++) {
            for (int c = 0; c < p.columns(); c++) {
                p.set(r, c, 1 + (r * 101 + c) / 10_100f);
                before += p.get(r, c);
            }
        }
        Matrix gradient = Matrix.allocate(arena, 100, 101);
        new AdamW(workers, 0.9, 0.999, 1e-8, 0.01)
                .update(p, gradient, AdamW.Moments.allocate(arena, 100, 101), 1, 2e-5, 1);
        double after = 0;
        for (int r = 0; r < p.rows(); r++) {
            for (int c = 0; c < p.columns(); c++) {
                after += p.get(r, c);
            }
        }
        assertEquals(2e-7, (before - after) / before, 2e-9);
    }

    /** Whenever an interruption comes, all parameters have made the step or none. */
    @Test
    void aStepIsMadeWholeOrNotAtAll() throws InterruptedException {
        Matrix gradient = Matrix.allocate(arena, 1000, 1000);
        for (int row = 0; row < gradient.rows(); row++) {
            for (int column = 0; column < gradient.columns(); column++) {
                gradient.set(row, column, 1);
            }
        }
        AdamW adamW = new AdamW(workers, 0.9, 0.999, 1e-8, 0);
        AdamW.Moments moments = AdamW.Moments.allocate(arena, 1000, 1000);
        Matrix p = Matrix.allocate(arena, 1000, 1000);
        Thread caller = Thread.currentThread();
        for (int round = 0; round < 100; round++) {
            long wait = round * 20_000L;
            long begin = System.nanoTime();
            Thread interrupter = Thread.ofPlatform().start(() -> {
                while (System.nanoTime() - begin < wait) {
                    Thread.onSpinWait();
                }
                caller.interrupt();
            });
            try {
                for (int step = 1; step < 1_000_000; step++) {
                    adamW.update(p, gradient, moments, step, 1e-3, 1);
                }
            } catch (CancellationException e) {
                assertTrue(Thread.interrupted());
            }
            interrupter.join();
            float first = p.get(0, 0);
            float[] all = p.toArray();
            for (float one : all) {
                assertTrue(first == one, "some parameters have made the step and others not");
            }
        }
    }

    @Test
    void adamWIsPyTorchs() {
        Numbers numbers = new Numbers(1);
        Matrix p = numbers.padded(arena, ROWS, COLUMNS, 1);
        Matrix g = Numbers.nanPadded(arena, ROWS, COLUMNS);
        AdamW.Moments moments = AdamW.Moments.allocate(arena, ROWS, COLUMNS);
        AdamW adamW = new AdamW(workers, 0.9, 0.99, 1e-8, 0.1);
        double[] reference = values(p);
        double[] m = new double[reference.length];
        double[] v = new double[reference.length];
        for (int step = 1; step <= 50; step++) {
            numbers.fill(g, 0.3f);
            double rate = 0.01 / step;
            double scale = 1.0 / (1 + step % 3);
            adamW.update(p, g, moments, step, rate, scale);
            double[] gradient = values(g);
            for (int i = 0; i < reference.length; i++) {
                double scaled = gradient[i] * scale;
                reference[i] *= 1 - rate * 0.1;
                m[i] = 0.9 * m[i] + 0.1 * scaled;
                v[i] = 0.99 * v[i] + 0.01 * scaled * scaled;
                double mHat = m[i] / (1 - Math.pow(0.9, step));
                double vHat = v[i] / (1 - Math.pow(0.99, step));
                reference[i] -= rate * mHat / (Math.sqrt(vHat) + 1e-8);
            }
        }
        assertArrayEquals(reference, values(p), 50 * STEP_ERROR);
        assertTrue(Numbers.paddingIntact(p));
    }

    @ParameterizedTest
    @CsvSource({"0, false, 0", "0, false, 0.1", "0.9, false, 0", "0.9, true, 0.1"})
    void sgdIsPyTorchs(double momentum, boolean nesterov, double decay) {
        Numbers numbers = new Numbers(2);
        Matrix p = numbers.padded(arena, ROWS, COLUMNS, 1);
        Matrix g = Numbers.nanPadded(arena, ROWS, COLUMNS);
        Matrix velocity = momentum == 0 ? null : Matrix.allocate(arena, ROWS, COLUMNS);
        Sgd sgd = new Sgd(workers, momentum, nesterov, decay);
        double[] reference = values(p);
        double[] v = new double[reference.length];
        for (int step = 1; step <= 30; step++) {
            numbers.fill(g, 0.3f);
            sgd.update(p, g, velocity, 0.01, 0.5);
            double[] gradient = values(g);
            for (int i = 0; i < reference.length; i++) {
                double d = 0.5 * gradient[i] + decay * reference[i];
                v[i] = momentum * v[i] + d;
                reference[i] -= 0.01 * (nesterov ? d + momentum * v[i] : v[i]);
            }
        }
        assertArrayEquals(reference, values(p), 30 * STEP_ERROR);
        assertTrue(Numbers.paddingIntact(p));
    }

    @Test
    void normOfAllElements() {
        Numbers numbers = new Numbers(3);
        Matrix a = numbers.padded(arena, 13, 9001, 1);
        Matrix b = numbers.padded(arena, 1, 7, 100);
        double sum = 0;
        for (double value : values(a)) {
            sum += value * value;
        }
        for (double value : values(b)) {
            sum += value * value;
        }
        double norm = new GradientNorm(workers).of(a, b);
        assertEquals(Math.sqrt(sum), norm, 1e-5 * norm);
        for (int size : new int[] {1, 3, 7}) {
            try (Workers team = new Workers(size)) {
                assertEquals(norm, new GradientNorm(team).of(a, b));
            }
        }
        assertEquals(1, GradientNorm.clipScale(2, 2));
        assertEquals(0.25, GradientNorm.clipScale(8, 2));
        b.set(0, 3, Float.NaN);
        assertTrue(Double.isNaN(new GradientNorm(workers).of(a, b)));
    }

    @Test
    void schedules() {
        LearningRate cosine = new LearningRate.Cosine(2, 0.1, 0.5);
        assertEquals(0, cosine.at(0));
        assertEquals(1, cosine.at(0.05), 1e-12);
        assertEquals(2, cosine.at(0.1), 1e-12);
        assertEquals(1.25, cosine.at(0.55), 1e-12);
        assertEquals(0.5, cosine.at(1), 1e-12);
        assertEquals(0.5, cosine.at(7), 1e-12);
        assertEquals(1.25, new LearningRate.Linear(2, 0.1, 0.5).at(0.55), 1e-12);
        assertEquals(2, new LearningRate.Constant(2, 0.1).at(0.9), 1e-12);
        assertEquals(2, new LearningRate.Constant(2, 0).at(0), 1e-12);
        for (LearningRate rate : List.of(
                cosine,
                new LearningRate.Cosine(2, 0, 0),
                new LearningRate.Linear(2, 0.1, 0.5),
                new LearningRate.Constant(2, 0))) {
            refused("progress is NaN", () -> rate.at(Double.NaN));
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        Matrix p = Matrix.allocate(arena, 2, 3);
        AdamW adamW = new AdamW(workers, 0.9, 0.99, 1e-8, 0);
        AdamW.Moments moments = AdamW.Moments.allocate(arena, 2, 3);
        Matrix g = Matrix.of(arena, 2, 3, 1, 2, 3, 4, 5, 6);
        Matrix readOnly = Matrix.wrap(arena.allocate(24).asReadOnly(), 2, 3);
        refused("gradient must be 2 x 3", () -> adamW.update(p, Matrix.allocate(arena, 3, 2), moments, 1, 1, 1));
        refused("counted from 1", () -> adamW.update(p, p, moments, 0, 1, 1));
        refused("beta1 must be at least 0 and less than 1, but is 1.0", () -> new AdamW(workers, 1, 0.9, 1e-8, 0));
        refused("beta2 must be at least 0 and less than 1, but is 1.0", () -> new AdamW(workers, 0, 1 - 1e-9, 1e-8, 0));
        refused("weightDecay", () -> new Sgd(workers, 0, false, Double.NaN));
        refused("learningRate", () -> adamW.update(p, p, moments, 1, Double.NaN, 1));
        refused("parameters shares memory with gradient", () -> adamW.update(p, p, moments, 1, 1, 1));
        refused("gradient shares memory with second moment", () -> adamW.update(p, moments.second(), moments, 1, 1, 1));
        refused("second moment shares memory with first moment", () -> new AdamW.Moments(p, p));
        refused(
                "second moment is to be written, but its memory is read-only",
                () -> adamW.update(p, g, new AdamW.Moments(Matrix.allocate(arena, 2, 3), readOnly), 1, 1, 1));
        refused("epsilon must be positive", () -> new AdamW(workers, 0.9, 0.99, 1e-50, 0));
        refused("read-only", () -> new Sgd(workers, 0, false, 0).update(readOnly, g, null, 1, 1));
        refused("velocity shares memory", () -> new Sgd(workers, 0.9, false, 0).update(p, g, g, 1, 1));
        assertEquals(0, new GradientNorm(workers).of(p, moments.first(), moments.second()));
        refused("maxNorm", () -> GradientNorm.clipScale(2, -1));
        refused("norm", () -> GradientNorm.clipScale(Double.NaN, 1));
        refused("gradientScale must be finite as a float32", () -> adamW.update(p, g, moments, 1, 1, 1e300));
        refused("learningRate / (1 - beta1^number) must be finite", () -> adamW.update(p, g, moments, 1, 1e38, 1));
        refused("times weightDecay", () -> new AdamW(workers, 0, 0, 1, 1e300).update(p, g, moments, 1, 1, 1));
        refused("learningRate must be finite", () -> new Sgd(workers, 0, false, 0).update(p, g, null, 1e39, 1));
        refused("momentum must be at least 0 and less than 1", () -> new Sgd(workers, 1 - 1e-9, false, 0));
        refused("weightDecay must be finite as a float32", () -> new Sgd(workers, 0, false, 1e300));
        refused("Nesterov", () -> new Sgd(workers, 0, true, 0));
        refused("Nesterov", () -> new Sgd(workers, 1e-50, true, 0));
        refused("velocity", () -> new Sgd(workers, 0.9, false, 0).update(p, p, null, 1, 1));
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }

    private static double[] values(Matrix matrix) {
        float[] values = matrix.toArray();
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }
}
