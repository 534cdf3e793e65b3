package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import org.apache.commons.math3.util.FastMath;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LogSoftmaxTest {

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

    @ParameterizedTest
    @CsvSource({"0, 5", "3, 0", "1, 1", "2, 31", "3, 32", "4, 33", "5, 97", "2, 50257"})
    void isTheLogarithmOfTheSoftmax(int rows, int columns) {
        Numbers numbers = new Numbers(rows * 7L + columns);
        Matrix x = numbers.padded(arena, rows, columns, 3);
        Matrix g = numbers.padded(arena, rows, columns, 1);
        Matrix y = Numbers.nanPadded(arena, rows, columns);
        Matrix dx = Numbers.nanPadded(arena, rows, columns);
        LogSoftmax softmax = new LogSoftmax(workers);
        softmax.values(x, y);
        softmax.gradient(y, g, dx);
        for (int r = 0; r < rows; r++) {
            double max = Double.NEGATIVE_INFINITY;
            double total = 0;
            double absTotal = 0;
            for (int c = 0; c < columns; c++) {
                max = Math.max(max, x.get(r, c));
                total += g.get(r, c);
                absTotal += Math.abs(g.get(r, c));
            }
            double sum = 0;
            for (int c = 0; c < columns; c++) {
                sum += FastMath.exp(x.get(r, c) - max);
            }
            // compensated sums of exponentials within 1 ulp, and the roundings of three subtractions of numbers below
            // 40
            double sumError = 4 * 0x1p-24;
            for (int c = 0; c < columns; c++) {
                double exact = x.get(r, c) - max - FastMath.log(sum);
                double valueError = sumError + 3 * 40 * 0x1p-24;
                assertEquals(exact, y.get(r, c), valueError);
                double p = FastMath.exp(exact);
                double gradientError = p * absTotal * (sumError + 2 * valueError) + 2e-7 * Math.abs(g.get(r, c));
                assertEquals(g.get(r, c) - p * total, dx.get(r, c), gradientError + 1e-37);
            }
        }
        assertTrue(Numbers.paddingIntact(y) && Numbers.paddingIntact(dx));
        for (int size : new int[] {1, 3, 7}) {
            try (Workers team = new Workers(size)) {
                Matrix again = Matrix.allocate(arena, rows, columns);
                again.copyFrom(x);
                new LogSoftmax(team).values(again, again);
                assertArrayEquals(Numbers.bits(y), Numbers.bits(again));
            }
        }
    }

    @Test
    void hardRows() {
        float inf = Float.POSITIVE_INFINITY;
        Matrix x = Matrix.of(
                arena, 6, 3, 1e8f, 1e8f, 1e8f, 1e4f, 0, -1e4f, -inf, 2, -inf, 1, Float.NaN, 2, 1, inf, 2, -inf, -inf,
                -inf);
        new LogSoftmax(workers).values(x, x);
        float third = (float) -Math.log(3);
        assertArrayEquals(new float[] {third, third, third}, x.rows(0, 1).toArray(), 1e-7f);
        assertArrayEquals(new float[] {0, -1e4f, -2e4f}, x.rows(1, 2).toArray());
        assertArrayEquals(new float[] {-inf, 0, -inf}, x.rows(2, 3).toArray());
        for (int r = 3; r < 6; r++) {
            for (int c = 0; c < 3; c++) {
                assertTrue(Float.isNaN(x.get(r, c)));
            }
        }
    }

    /** Special values in each block, in its first and its last vector, and blocks of nothing but -infinity. */
    @ParameterizedTest
    @CsvSource({"33, 0", "33, 32", "2048, 2047", "4096, 0", "4096, 2048", "4096, 4095", "6177, 2050", "6177, 6176"})
    void hardRowsOfManyBlocks(int columns, int at) {
        float inf = Float.POSITIVE_INFINITY;
        Matrix x = Matrix.allocate(arena, 5, columns);
        x.rows(0, 1).fill(-inf);
        x.rows(1, 2).fill(-inf);
        x.rows(2, 3).fill(0.5f);
        x.rows(3, 4).fill(-Float.MAX_VALUE);
        x.rows(4, 5).fill(7);
        x.set(0, at, 3);
        x.set(2, at, Float.NaN);
        x.set(3, at, Float.MAX_VALUE);
        x.set(4, at, inf);
        Matrix y = Matrix.allocate(arena, 5, columns);
        new LogSoftmax(workers).values(x, y);
        for (int c = 0; c < columns; c++) {
            assertEquals(c == at ? 0 : -inf, y.get(0, c));
            assertTrue(Float.isNaN(y.get(1, c)) && Float.isNaN(y.get(2, c)) && Float.isNaN(y.get(4, c)));
            assertEquals(c == at ? 0 : -inf, y.get(3, c));
        }
    }

    @ParameterizedTest
    @CsvSource({"31", "2048", "2049", "4096", "12321"})
    void equalElementsShareTheProbability(int columns) {
        Matrix x = Matrix.allocate(arena, 1, columns);
        x.fill(-3);
        new LogSoftmax(workers).values(x, x);
        for (int c = 0; c < columns; c++) {
            assertEquals(-Math.log(columns), x.get(0, c), 0x1p-24 * Math.log(columns));
        }
    }

    @Test
    void anAllButCertainEntryKeepsItsRelativeAccuracy() {
        for (float others : new float[] {-15, -18, -40, -80}) {
            Matrix x = Matrix.allocate(arena, 1, 70);
            x.fill(others);
            x.set(0, 33, 0);
            new LogSoftmax(workers).values(x, x);
            double exact = -Math.log1p(69 * Math.exp(others));
            assertEquals(exact, x.get(0, 33), -1e-6 * exact);
        }
    }

    /** Each of the many is below half an ulp of the partial sums, to each of which a large one belongs. */
    @Test
    void manySmallEntriesBesideLargeOnesAreNotLost() {
        Matrix x = Matrix.allocate(arena, 1, 64_007);
        x.fill(-17.5f);
        x.view(0, 100, 1, 32).fill(-0.1f);
        x.set(0, 33, 0);
        new LogSoftmax(workers).values(x, x);
        double exact = -Math.log(1 + 32 * Math.exp(-0.1f) + (64_007 - 33) * Math.exp(-17.5));
        assertEquals(exact, x.get(0, 33), 5e-7);
    }

    /** A rounded logarithm of the sum alone, here from 8 to 16, would move a whole row by up to 5e-7; half an ulp of x - max remains. */
    @Test
    void noRowIsMovedAsAWhole() {
        Matrix x = new Numbers(11).matrix(arena, 20, 20_000, 0.3f);
        Matrix y = Matrix.allocate(arena, 20, 20_000);
        new LogSoftmax(workers).values(x, y);
        for (int r = 0; r < x.rows(); r++) {
            double sum = 0;
            for (int c = 0; c < x.columns(); c++) {
                sum += Math.exp(x.get(r, c));
            }
            double moved = 0;
            for (int c = 0; c < x.columns(); c++) {
                moved += y.get(r, c) - (x.get(r, c) - Math.log(sum));
            }
            assertEquals(0, moved / x.columns(), 1.3e-7);
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        LogSoftmax softmax = new LogSoftmax(workers);
        Matrix x = Matrix.allocate(arena, 2, 3);
        assertThrows(IllegalArgumentException.class, () -> softmax.values(x, Matrix.allocate(arena, 3, 2)));
        assertThrows(IllegalArgumentException.class, () -> softmax.gradient(x, Matrix.allocate(arena, 2, 2), x));
        assertThrows(IllegalArgumentException.class, () -> softmax.values(x.rows(0, 1), x.view(0, 0, 1, 2)));
        Matrix wide = Matrix.allocate(arena, 2, 4);
        assertThrows(
                IllegalArgumentException.class, () -> softmax.values(wide.view(0, 0, 2, 3), wide.view(0, 1, 2, 3)));
    }
}
