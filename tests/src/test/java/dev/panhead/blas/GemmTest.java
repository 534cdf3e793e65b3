package dev.panhead.blas;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.reference.Numbers;
import dev.panhead.reference.Oracle;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.stream.Stream;
import org.apache.commons.math3.linear.RealMatrix;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GemmTest {

    private static Arena arena;
    private static Workers workers;
    private static Gemm gemm;

    @BeforeAll
    static void start() {
        arena = Arena.ofShared();
        workers = new Workers(2);
        gemm = new Gemm(arena, workers);
    }

    @AfterAll
    static void end() {
        workers.close();
        arena.close();
    }

    static Stream<Arguments> shapes() {
        int[][] shapes = {
            {1, 1, 1},
            {1, 7, 300},
            {7, 1, 13},
            {6, 16, 256},
            {5, 15, 255},
            {7, 17, 257},
            {30, 40, 193},
            {19, 33, 1153},
            {12, 32, 513},
            {13, 33, 31},
            {96, 64, 64},
            {97, 65, 512},
            {191, 251, 127},
            {2, 3100, 9},
            {1, 4000, 40},
            {300, 2, 700},
            {16, 530, 600},
            {9, 1, 300},
            {20, 40, 1300},
            {7, 1600, 1100},
            {1100, 5, 210}
        };
        float[][] factors = {{1, 0}, {1, 1}, {0.5f, -1}, {-1, 2}, {0, 0.5f}};
        return Stream.of(shapes).flatMap(s -> Stream.of(Op.values()).flatMap(a -> Stream.of(Op.values())
                .flatMap(b -> Stream.of(factors).map(f -> Arguments.of(s[0], s[1], s[2], a, b, f[0], f[1])))));
    }

    /**
     * Against the double product, within the bound of a blocked sum: each of the n roundings of a chain errs by at most u of
     * what was added up so far (Higham, Accuracy and Stability, 3.1), so that gamma_(k + 4) of the absolute values bounds all.
     */
    @ParameterizedTest
    @MethodSource("shapes")
    void isTheProduct(int m, int n, int k, Op opA, Op opB, float alpha, float beta) {
        try (Arena local = Arena.ofShared()) {
            Numbers numbers = new Numbers(m * 31L + n * 7L + k);
            Matrix a = opA == Op.NONE ? numbers.padded(local, m, k, 1) : numbers.padded(local, k, m, 1);
            Matrix b = opB == Op.NONE ? numbers.padded(local, k, n, 1) : numbers.padded(local, n, k, 1);
            Matrix c = numbers.padded(local, m, n, 1);
            RealMatrix before = Oracle.real(c);
            if (beta == 0) {
                c.fill(Float.NaN);
            }
            gemm.multiply(alpha, opA, a, opB, b, beta, c);
            RealMatrix left = opA == Op.NONE ? Oracle.real(a) : Oracle.real(a).transpose();
            RealMatrix right = opB == Op.NONE ? Oracle.real(b) : Oracle.real(b).transpose();
            RealMatrix expected = left.multiply(right).scalarMultiply(alpha).add(before.scalarMultiply(beta));
            RealMatrix sizes = Oracle.abs(left)
                    .multiply(Oracle.abs(right))
                    .scalarMultiply(Math.abs(alpha))
                    .add(Oracle.abs(before).scalarMultiply(Math.abs(beta)));
            int roundings = Math.min(k, Gemm.BLOCK) + k / Gemm.BLOCK + 4;
            double bound = roundings * Oracle.U / (1 - roundings * Oracle.U);
            assertTrue(Oracle.error(c, expected, sizes) <= bound);
            assertTrue(Numbers.paddingIntact(c));
        }
    }

    /** A^T's rows lie pages apart, the last one at the end of its memory: they are read before they are packed. */
    @ParameterizedTest
    @CsvSource({"0, 1100", "1023, 77", "600, 1"})
    void columnsOfAWideMatrix(int column, int columns) {
        Numbers numbers = new Numbers(column);
        Matrix wide = numbers.matrix(arena, 210, 1100, 1);
        Matrix a = wide.view(0, column, 210, columns);
        Matrix narrow = Matrix.allocate(arena, 210, columns);
        narrow.copyFrom(a);
        Matrix b = numbers.matrix(arena, 210, 19, 1);
        Matrix c = Matrix.allocate(arena, columns, 19);
        Matrix expected = Matrix.allocate(arena, columns, 19);
        gemm.multiply(Op.TRANSPOSE, a, Op.NONE, b, c);
        gemm.multiply(Op.TRANSPOSE, narrow, Op.NONE, b, expected);
        assertArrayEquals(Numbers.bits(expected), Numbers.bits(c));
    }

    /** Thin products and others, of all lengths of blocks, are the chains that are promised, and so are those of several calls. */
    @ParameterizedTest
    @ValueSource(ints = {16, 48, 128, 192, 256, 512})
    void reductionBlocks(int block) {
        int k = 2500;
        Numbers numbers = new Numbers(block);
        Gemm gemm = new Gemm(arena, workers, block);
        for (int m : new int[] {1, 3, 40}) {
            Matrix a = numbers.padded(arena, m, k, 1);
            Matrix b = numbers.padded(arena, 37, k, 1);
            Matrix c = Matrix.allocate(arena, m, 37);
            gemm.multiply(Op.NONE, a, Op.TRANSPOSE, b, c);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < 37; j++) {
                    float sum = 0;
                    for (int from = 0; from < k; from += block) {
                        float chain = 0;
                        for (int l = from; l < Math.min(from + block, k); l++) {
                            chain = Math.fma(a.get(i, l), b.get(j, l), chain);
                        }
                        sum += chain;
                    }
                    assertEquals(sum, c.get(i, j));
                }
            }
            HalfMatrix halves = Numbers.halves(arena, HalfMatrix.Format.FLOAT16, b);
            Matrix widened = Matrix.allocate(arena, m, 37);
            Matrix expected = Matrix.allocate(arena, m, 37);
            gemm.multiply(Op.NONE, a, Op.TRANSPOSE, halves.toMatrix(arena), expected);
            gemm.multiply(Op.NONE, a, Op.TRANSPOSE, halves, widened);
            assertArrayEquals(Numbers.bits(expected), Numbers.bits(widened));
            int half = 1000 / block * block;
            Matrix twice = Matrix.allocate(arena, m, 37);
            gemm.multiply(Op.NONE, a.view(0, 0, m, half), Op.TRANSPOSE, b.view(0, 0, 37, half), twice);
            gemm.multiply(
                    1, Op.NONE, a.view(0, half, m, k - half), Op.TRANSPOSE, b.view(0, half, 37, k - half), 1, twice);
            assertArrayEquals(Numbers.bits(c), Numbers.bits(twice));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -16, 100, 528})
    void refusesOtherBlocks(int block) {
        String message = assertThrows(IllegalArgumentException.class, () -> new Gemm(arena, workers, block))
                .getMessage();
        assertEquals("block must be a multiple of 16 from 16 to 512, but is " + block, message);
    }

    /** Numbers of 16 bits give the product of what they widen to, to the bit. */
    @ParameterizedTest
    @MethodSource("shapes")
    void halvesAreWidened(int m, int n, int k, Op opA, Op opB, float alpha, float beta) {
        try (Arena local = Arena.ofShared()) {
            Numbers numbers = new Numbers(m * 31L + n * 7L + k);
            Matrix a = opA == Op.NONE ? numbers.padded(local, m, k, 1) : numbers.padded(local, k, m, 1);
            Matrix b = opB == Op.NONE ? numbers.padded(local, k, n, 1) : numbers.padded(local, n, k, 1);
            HalfMatrix halfA = Numbers.halves(local, HalfMatrix.Format.FLOAT16, a);
            HalfMatrix halfB = Numbers.halves(local, HalfMatrix.Format.BFLOAT16, b);
            Matrix c = numbers.padded(local, m, n, 1);
            Matrix expected = Numbers.nanPadded(local, m, n);
            expected.copyFrom(c);
            gemm.multiply(alpha, opA, halfA.toMatrix(local), opB, halfB.toMatrix(local), beta, expected);
            gemm.multiply(alpha, opA, halfA, opB, halfB, beta, c);
            assertArrayEquals(Numbers.bits(expected), Numbers.bits(c));
            assertTrue(Numbers.paddingIntact(c));
        }
    }

    @Test
    void emptyProducts() {
        try (Arena local = Arena.ofShared()) {
            for (int[] s : new int[][] {{0, 5, 3}, {5, 0, 3}, {0, 0, 0}}) {
                gemm.multiply(
                        1,
                        Op.NONE,
                        Matrix.allocate(local, s[0], s[2]),
                        Op.NONE,
                        Matrix.allocate(local, s[2], s[1]),
                        0,
                        Matrix.allocate(local, s[0], s[1]));
            }
            Matrix c = Matrix.of(local, 2, 2, 1, Float.NaN, 3, 4);
            gemm.multiply(1, Op.NONE, Matrix.allocate(local, 2, 0), Op.NONE, Matrix.allocate(local, 0, 2), 0, c);
            assertArrayEquals(new float[4], c.toArray());
            c = Matrix.of(local, 2, 2, 1, 2, 3, 4);
            gemm.multiply(1, Op.NONE, Matrix.allocate(local, 2, 0), Op.NONE, Matrix.allocate(local, 0, 2), 0.5f, c);
            assertArrayEquals(new float[] {0.5f, 1, 1.5f, 2}, c.toArray());
        }
    }

    @Test
    void nansOfTheOperandsShow() {
        try (Arena local = Arena.ofShared()) {
            Matrix a = Matrix.of(local, 2, 2, 1, 2, Float.NaN, 4);
            Matrix c = Matrix.allocate(local, 2, 2);
            gemm.multiply(Op.NONE, a, Op.NONE, Matrix.of(local, 2, 2, 1, 0, 0, 1), c);
            assertEquals(2, c.get(0, 1));
            assertTrue(Float.isNaN(c.get(1, 0)));
            gemm.multiply(0, Op.NONE, a, Op.NONE, a, 0, c);
            assertArrayEquals(new float[4], c.toArray());
        }
    }

    @Test
    void sameBitsForAnyNumberOfWorkers() {
        try (Arena local = Arena.ofShared()) {
            Numbers numbers = new Numbers(5);
            Matrix a = numbers.matrix(local, 203, 600, 1);
            Matrix b = numbers.matrix(local, 307, 600, 1);
            int[] expected = null;
            for (int size : new int[] {1, 2, 3, 7}) {
                try (Workers team = new Workers(size)) {
                    Matrix c = Matrix.allocate(local, 203, 307);
                    new Gemm(local, team).multiply(Op.NONE, a, Op.TRANSPOSE, b, c);
                    expected = expected == null ? Numbers.bits(c) : expected;
                    assertArrayEquals(expected, Numbers.bits(c));
                }
            }
        }
    }

    /** A product of few rows goes another way, to the same bits. */
    @Test
    void aFewRowsAreTheSameAsAmongMany() {
        try (Arena local = Arena.ofShared()) {
            Numbers numbers = new Numbers(8);
            Matrix a = numbers.padded(local, 40, 700, 1);
            Matrix b = numbers.padded(local, 333, 700, 1);
            Matrix c = numbers.padded(local, 40, 333, 1);
            Matrix few = Matrix.allocate(local, 40, 333);
            few.copyFrom(c);
            gemm.multiply(0.7f, Op.NONE, a, Op.TRANSPOSE, b, 1.5f, c);
            int row = 0;
            for (int rows : new int[] {1, 2, 8, 13, 16}) {
                gemm.multiply(0.7f, Op.NONE, a.rows(row, row + rows), Op.TRANSPOSE, b, 1.5f, few.rows(row, row + rows));
                row += rows;
            }
            assertArrayEquals(Numbers.bits(c), Numbers.bits(few));
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        try (Arena local = Arena.ofShared();
                Arena confined = Arena.ofConfined()) {
            Matrix a = Matrix.allocate(local, 4, 5);
            Matrix b = Matrix.allocate(local, 5, 6);
            Matrix c = Matrix.allocate(local, 4, 6);
            refused("inner dimensions differ", () -> gemm.multiply(Op.TRANSPOSE, a, Op.NONE, b, c));
            refused("C must be 4 x 6", () -> gemm.multiply(Op.NONE, a, Op.NONE, b, Matrix.allocate(local, 6, 4)));
            refused("confined", () -> gemm.multiply(Op.NONE, a, Op.NONE, b, Matrix.allocate(confined, 4, 6)));
            Matrix square = Matrix.allocate(local, 4, 4);
            refused("shares", () -> gemm.multiply(Op.NONE, square, Op.NONE, Matrix.allocate(local, 4, 4), square));
        }
    }

    @Test
    void anArenaClosedInMidCallIsAnException() throws Exception {
        for (int attempt = 0; attempt < 5; attempt++) {
            Arena doomed = Arena.ofShared();
            Matrix a = Matrix.allocate(doomed, 2000, 2000);
            Matrix b = Matrix.allocate(doomed, 2000, 2000);
            Matrix c = Matrix.allocate(doomed, 2000, 2000);
            Thread closer = Thread.ofPlatform().start(() -> {
                try {
                    Thread.sleep(15);
                    doomed.close();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThrows(IllegalStateException.class, () -> {
                for (int i = 0; i < 1000; i++) {
                    gemm.multiply(Op.NONE, a, Op.NONE, b, c);
                }
            });
            Thread.interrupted(); // HotSpot may have set it
            closer.join();
        }
        isTheProduct(13, 33, 31, Op.NONE, Op.NONE, 1, 0);
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }
}
