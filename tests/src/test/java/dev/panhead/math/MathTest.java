package dev.panhead.math;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.LogSoftmax;
import dev.panhead.optim.GradientNorm;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class MathTest {

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

    private static double gelu(double x) {
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    void refusesToWriteWhatItReads() {
        Matrix x = new Numbers(1).matrix(arena, 6, 8, 1);
        int[] before = Numbers.bits(x);
        Elementwise elementwise = new Elementwise(workers);
        refused("the very same place", () -> elementwise.exp(x.rows(0, 5), x.rows(1, 6)));
        refused("read-only", () -> elementwise.exp(x, Matrix.wrap(x.segment().asReadOnly(), 6, 8)));
        Rows rows = new Rows(workers);
        refused("shares memory", () -> rows.gather(x, Ints.of(1, 2), x.rows(0, 2)));
        refused("shares memory", () -> rows.scatterAdd(x.rows(0, 2), Ints.of(1, 2), x));
        refused("shares memory", () -> rows.columnSums(x, x.rows(0, 1), false));
        refused("shares memory", () -> rows.addRow(x.rows(0, 1), x));
        Ints inside = Ints.wrap(x.segment(), 2);
        inside.set(0, 0);
        inside.set(1, 0);
        refused("with indices", () -> rows.gather(Matrix.allocate(arena, 1, 8), inside, x.rows(0, 2)));
        x.set(0, 0, Float.intBitsToFloat(before[0]));
        x.set(0, 1, Float.intBitsToFloat(before[1]));
        assertArrayEquals(before, Numbers.bits(x));
    }

    /** More bytes in a row than an int counts. */
    @Test
    void rowsOfTwoGigabytes() {
        int n = (1 << 29) + 33;
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        assumeTrue(system.getFreeMemorySize() > 6L << 30);
        try (Arena large = Arena.ofShared()) {
            Matrix row = Matrix.allocate(large, 1, n);
            row.set(0, n - 40, 1);
            row.set(0, n - 1, 2);
            double norm = new GradientNorm(workers).of(row);
            assertEquals(Math.sqrt(5), norm, 1e-12);
            new Elementwise(workers).exp(row, row);
            assertEquals(1, row.get(0, 0));
            assertEquals((float) Math.E, row.get(0, n - 40));
            assertEquals((float) (Math.E * Math.E), row.get(0, n - 1), 1e-6f);
            row.fill(0);
            row.set(0, n - 1, 20);
            new LogSoftmax(workers).values(row, row);
            double others = (n - 1) * Math.exp(-20);
            assertEquals(-Math.log1p(others), row.get(0, n - 1), 1e-6);
            assertEquals(-20 - Math.log1p(others), row.get(0, n - 40), 2e-6);
        }
    }

    @Test
    void geluAndItsGradient() {
        Matrix x = new Numbers(1).padded(arena, 37, 53, 3);
        Matrix y = Numbers.nanPadded(arena, 37, 53);
        Matrix slope = Numbers.nanPadded(arena, 37, 53);
        Matrix ones = Matrix.allocate(arena, 37, 53);
        ones.fill(1);
        Elementwise elementwise = new Elementwise(workers);
        elementwise.gelu(x, y);
        elementwise.geluGradient(x, ones, slope);
        double h = 1e-5;
        for (int r = 0; r < x.rows(); r++) {
            for (int c = 0; c < x.columns(); c++) {
                double at = x.get(r, c);
                // |x| times some roundings of the gate, which is at most 1
                assertEquals(gelu(at), y.get(r, c), 4e-7 * Math.abs(at));
                assertEquals((gelu(at + h) - gelu(at - h)) / (2 * h), slope.get(r, c), 2e-6);
            }
        }
        assertTrue(Numbers.paddingIntact(y));
        Matrix far = Matrix.of(arena, 1, 4, 30, -30, 1e4f, -1e4f);
        elementwise.gelu(far, far);
        assertArrayEquals(new float[] {30, 0, 1e4f, 0}, far.toArray(), 1e-30f);
        Matrix extreme = Matrix.of(arena, 1, 4, 1e14f, -1e14f, 1e30f, -1e30f);
        Matrix one = Matrix.of(arena, 1, 4, 1, 1, 1, 1);
        elementwise.geluGradient(extreme, one, one);
        assertArrayEquals(new float[] {1, 0, 1, 0}, one.toArray());
    }

    /** Where the gate is nearly 1, what it is short of 1 is multiplied by up to 30. */
    @Test
    void gelusGradientDoesNotCancel() {
        Matrix x = Matrix.allocate(arena, 1, 4001);
        for (int i = 0; i < x.columns(); i++) {
            x.set(0, i, 2 + i / 1000f);
        }
        Matrix slope = Matrix.allocate(arena, 1, x.columns());
        Matrix ones = Matrix.allocate(arena, 1, x.columns());
        ones.fill(1);
        new Elementwise(workers).geluGradient(x, ones, slope);
        double squares = 0;
        for (int i = 0; i < x.columns(); i++) {
            double at = x.get(0, i);
            double u = 2 * Math.sqrt(2 / Math.PI) * (at + 0.044715 * at * at * at);
            double rate = 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * at * at);
            double gate = 1 / (1 + Math.exp(-u));
            double error = slope.get(0, i) - (gate + at * rate * gate * (1 / (1 + Math.exp(u))));
            squares += error * error;
        }
        double rms = Math.sqrt(squares / x.columns());
        assertTrue(rms < 1e-7, "an error of " + rms);
    }

    @Test
    void expLogAndAdd() {
        Matrix x = new Numbers(2).padded(arena, 5, 19, 3);
        Matrix y = Matrix.allocate(arena, 5, 19);
        Elementwise elementwise = new Elementwise(workers);
        elementwise.exp(x, y);
        assertEquals(Math.exp(x.get(4, 18)), y.get(4, 18), 1e-7 * y.get(4, 18));
        elementwise.log(y, y);
        assertEquals(x.get(2, 7), y.get(2, 7), 1e-6);
        elementwise.add(x, y);
        assertEquals(2 * x.get(0, 0), y.get(0, 0), 2e-6);
        assertThrows(IllegalArgumentException.class, () -> elementwise.exp(x, Matrix.allocate(arena, 19, 5)));
    }

    @Test
    void gatherAndScatterAdd() {
        Numbers numbers = new Numbers(3);
        Matrix table = numbers.padded(arena, 11, 7, 1);
        Ints indices = numbers.targets(200, 11);
        Rows rows = new Rows(workers);
        Matrix out = Numbers.nanPadded(arena, 200, 7);
        rows.gather(table, indices, out);
        double[][] expected = new double[11][7];
        for (int i = 0; i < 200; i++) {
            for (int c = 0; c < 7; c++) {
                assertEquals(table.get(indices.get(i), c), out.get(i, c));
                expected[indices.get(i)][c] += out.get(i, c);
            }
        }
        Matrix sums = Matrix.allocate(arena, 11, 7);
        rows.scatterAdd(out, indices, sums);
        for (int r = 0; r < 11; r++) {
            for (int c = 0; c < 7; c++) {
                assertEquals(expected[r][c], sums.get(r, c), 1e-4);
            }
        }
        for (int size : new int[] {1, 3, 7}) {
            try (Workers team = new Workers(size)) {
                Matrix again = Matrix.allocate(arena, 11, 7);
                new Rows(team).scatterAdd(out, indices, again);
                assertArrayEquals(Numbers.bits(sums), Numbers.bits(again));
            }
        }
        indices.set(150, 11);
        String message = assertThrows(IndexOutOfBoundsException.class, () -> rows.gather(table, indices, out))
                .getMessage();
        assertEquals("index 150 is 11, but the table has 11 rows", message);
    }

    @Test
    void columnSumsAndAddRow() {
        Matrix x = new Numbers(4).padded(arena, 613, 71, 1);
        Matrix sums = Numbers.nanPadded(arena, 1, 71);
        Rows rows = new Rows(workers);
        rows.columnSums(x, sums, false);
        rows.columnSums(x, sums, true);
        for (int c = 0; c < 71; c++) {
            double sum = 0;
            for (int r = 0; r < 613; r++) {
                sum += x.get(r, c);
            }
            assertEquals(2 * sum, sums.get(0, c), 613 * 0x1p-24 * 300);
        }
        float before = x.get(600, 70);
        rows.addRow(sums, x);
        assertEquals(before + sums.get(0, 70), x.get(600, 70));
        assertTrue(Numbers.paddingIntact(x));
    }
}
