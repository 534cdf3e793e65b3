package dev.panhead.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The vector kernels and their scalar twins, operation by operation, bit by bit, at lengths around every vector's. */
class TwinsTest {

    private static final Kernels VECTOR = VectorKernels.create();
    private static final Kernels SCALAR = ScalarKernels.create();

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100})
    void elements(int n) {
        Numbers numbers = new Numbers(n);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = numbers.matrix(arena, 1, n + 1, 3).segment();
            MemorySegment g = numbers.matrix(arena, 1, n + 1, 3).segment();
            MemorySegment a = arena.allocate((n + 1) * 4L, 4);
            MemorySegment b = arena.allocate((n + 1) * 4L, 4);
            VECTOR.elements().gelu(n, x, 4, a, 4);
            SCALAR.elements().gelu(n, x, 4, b, 4);
            assertSameBits(a, b);
            VECTOR.elements().geluGradient(n, x, 4, g, 4, a, 4);
            SCALAR.elements().geluGradient(n, x, 4, g, 4, b, 4);
            assertSameBits(a, b);
            VECTOR.elements().addScaled(n, 0.3f, x, 4, a, 4);
            SCALAR.elements().addScaled(n, 0.3f, x, 4, b, 4);
            assertSameBits(a, b);
            assertEquals(
                    SCALAR.elements().sumOfSquares(n, x, 4), VECTOR.elements().sumOfSquares(n, x, 4));
            AdamWStep adam = new AdamWStep();
            adam.scale = 0.7f;
            adam.beta1 = 0.9f;
            adam.share1 = 0.1f;
            adam.beta2 = 0.95f;
            adam.share2 = 0.05f;
            adam.epsilon = 1e-8f;
            adam.decay = 0.01f;
            adam.rate = 0.01f;
            adam.correction = 1.5f;
            MemorySegment m = arena.allocate((n + 1) * 4L, 4);
            MemorySegment v = arena.allocate((n + 1) * 4L, 4);
            MemorySegment m2 = arena.allocate((n + 1) * 4L, 4);
            MemorySegment v2 = arena.allocate((n + 1) * 4L, 4);
            for (int i = 0; i < 3; i++) {
                VECTOR.elements().adamW(n, adam, a, 4, g, 4, m, v, 4);
                SCALAR.elements().adamW(n, adam, b, 4, g, 4, m2, v2, 4);
            }
            assertSameBits(a, b);
            assertSameBits(v, v2);
            for (boolean nesterov : new boolean[] {false, true}) {
                SgdStep sgd = new SgdStep();
                sgd.scale = 0.7f;
                sgd.decay = 0.1f;
                sgd.momentum = 0.9f;
                sgd.nesterov = nesterov;
                sgd.rate = 0.01f;
                VECTOR.elements().sgd(n, sgd, a, 4, g, 4, m, 4);
                SCALAR.elements().sgd(n, sgd, b, 4, g, 4, m2, 4);
                VECTOR.elements().sgd(n, sgd, a, 4, g, 4, null, 0);
                SCALAR.elements().sgd(n, sgd, b, 4, g, 4, null, 0);
            }
            assertSameBits(a, b);
            assertSameBits(m, m2);
        }
    }

    /** Every number of 16 bits, wherever in a vector it stands. */
    @ParameterizedTest
    @EnumSource
    void widen(HalfMatrix.Format format) {
        int n = 1 << 16;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(2L * n + 2, 2);
            for (int i = 0; i < n; i++) {
                source.set(ValueLayout.JAVA_SHORT, 2L + 2 * i, (short) (i * 40503)); // each once
            }
            MemorySegment target = arena.allocate(4L * n + 4, 4);
            VECTOR.matrix().widen(format, n - 3, source, 2, target, 4);
            assertEquals(0, target.getAtIndex(ValueLayout.JAVA_FLOAT, n - 2));
            VECTOR.matrix().widen(format, n, source, 2, target, 4);
            MemorySegment twin = arena.allocate(4L * n + 4, 4);
            SCALAR.matrix().widen(format, n, source, 2, twin, 4);
            for (int i = 0; i < n; i++) {
                float expected = format.widen((short) (i * 40503));
                float one = target.getAtIndex(ValueLayout.JAVA_FLOAT, i + 1L);
                float other = twin.getAtIndex(ValueLayout.JAVA_FLOAT, i + 1L);
                assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(one));
                assertEquals(Float.floatToIntBits(expected), Float.floatToIntBits(other));
            }
        }
    }

    /** A column times rows of each format, around blocks and vectors. */
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 15, 16, 24, 100, 256, 257, 300, 512, 700})
    void multiplyColumn(int length) {
        try (Arena arena = Arena.ofConfined()) {
            Numbers numbers = new Numbers(length);
            float[] x = numbers.matrix(arena, 1, length, 1).toArray();
            Matrix floats = numbers.padded(arena, 8, length, 1);
            for (HalfMatrix.Format format :
                    new HalfMatrix.Format[] {null, HalfMatrix.Format.BFLOAT16, HalfMatrix.Format.FLOAT16}) {
                ReadableMatrix a = format == null ? floats : Numbers.halves(arena, format, floats);
                long stride = a.offset(1, 0);
                for (int rows : new int[] {1, 3, 8}) {
                    MemorySegment[] sums = {arena.allocate(64, 4), arena.allocate(64, 4)};
                    for (int i = 0; i < 2; i++) {
                        Kernels kernels = i == 0 ? VECTOR : SCALAR;
                        MemorySegment spare = arena.allocate(8 * 512 * 4L, 4);
                        for (boolean accumulate : new boolean[] {false, true}) {
                            kernels.matrix()
                                    .multiplyColumn(
                                            format,
                                            rows,
                                            length,
                                            256,
                                            a.segment(),
                                            0,
                                            stride,
                                            x,
                                            sums[i],
                                            accumulate,
                                            spare);
                        }
                    }
                    assertSameBits(sums[0].asSlice(0, rows * 4L), sums[1].asSlice(0, rows * 4L));
                    double expected = 0;
                    for (int k = 0; k < length; k++) {
                        expected += 2 * (double) a.get(rows - 1, k) * x[k];
                    }
                    assertEquals(expected, sums[0].getAtIndex(ValueLayout.JAVA_FLOAT, rows - 1L), 1e-4);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 8, 16, 17, 37})
    void columnSums(int columns) {
        Numbers numbers = new Numbers(columns);
        try (Arena arena = Arena.ofConfined()) {
            Matrix x = numbers.padded(arena, 41, columns, 1);
            MemorySegment a = arena.allocate(columns * 4L, 4);
            MemorySegment b = arena.allocate(columns * 4L, 4);
            for (boolean accumulate : new boolean[] {false, true}) {
                VECTOR.elements().columnSums(41, columns, 16, x.segment(), 0, x.rowStride() * 4, a, 0, accumulate);
                SCALAR.elements().columnSums(41, columns, 16, x.segment(), 0, x.rowStride() * 4, b, 0, accumulate);
                assertSameBits(a, b);
            }
        }
    }

    @Test
    void rowsAsTheyLie() {
        Numbers numbers = new Numbers(4);
        try (Arena arena = Arena.ofConfined()) {
            for (int kc : new int[] {1, 7, 8, 256}) {
                Matrix a = numbers.padded(arena, 8, kc, 1);
                MemorySegment panel = numbers.matrix(arena, kc, 8, 1).segment();
                for (int columns = 1; columns <= 8; columns++) {
                    for (int rows = 1; rows <= 8; rows++) {
                        Matrix c = Matrix.allocate(arena, 9, 8);
                        Matrix d = Matrix.allocate(arena, 9, 8);
                        for (boolean accumulate : new boolean[] {false, true, true}) {
                            for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
                                kernels.matrix()
                                        .multiplyRows(
                                                rows,
                                                kc,
                                                a.segment(),
                                                0,
                                                a.rowStride() * 4,
                                                panel,
                                                columns,
                                                (kernels == VECTOR ? c : d).segment(),
                                                c.offset(1, 0),
                                                accumulate);
                            }
                        }
                        assertArrayEquals(
                                Numbers.bits(d.view(1, 0, rows, columns)), Numbers.bits(c.view(1, 0, rows, columns)));
                    }
                }
            }
        }
    }

    @Test
    void transposesAndPacks() {
        Numbers numbers = new Numbers(3);
        try (Arena arena = Arena.ofConfined()) {
            for (int rows : new int[] {1, 5, 6, 8, 13, 16}) {
                for (int columns : new int[] {1, 7, 8, 9, 24, 30, 70}) {
                    Matrix source = numbers.matrix(arena, rows, columns, 1); // nothing behind the last element
                    long stride = source.rowStride() * 4;
                    MemorySegment a = arena.allocate(80 * 64 * 4L, 4);
                    MemorySegment b = arena.allocate(80 * 64 * 4L, 4);
                    VECTOR.matrix().transpose(rows, columns, source.segment(), 0, stride, a, 0, 64);
                    SCALAR.matrix().transpose(rows, columns, source.segment(), 0, stride, b, 0, 64);
                    assertSameBits(a, b);
                    for (int j = 0; j < columns; j++) {
                        for (int i = 0; i < rows; i++) {
                            assertEquals(source.get(i, j), a.getAtIndex(ValueLayout.JAVA_FLOAT, j * 16L + i));
                        }
                    }
                    for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
                        Tile tile = kernels.matrix().tile();
                        Panels broadcast = Panels.broadcast(arena, tile, columns, rows);
                        Panels vector = Panels.vector(arena, tile, tile.vectorPanels(columns), rows);
                        kernels.matrix().cutBroadcast(rows, columns, 2, source.segment(), 0, stride, broadcast, 0);
                        kernels.matrix().cutVector(rows, columns, source.segment(), 0, stride, vector, 0);
                        for (int i = 0; i < rows; i++) {
                            for (int j = 0; j < columns; j++) {
                                float expected = 2 * source.get(i, j);
                                assertEquals(expected, at(broadcast, j / tile.rows(), i * 8 + j % tile.rows()));
                                int width = tile.columns();
                                assertEquals(source.get(i, j), at(vector, j / width, i * width + j % width));
                            }
                            for (int j = columns; j < tile.vectorPanels(columns) * tile.columns(); j++) {
                                int width = tile.columns();
                                assertEquals(0, at(vector, j / width, i * width + j % width));
                            }
                        }
                    }
                }
            }
        }
    }

    @Test
    void cutsBfloat16() {
        Numbers numbers = new Numbers(4);
        try (Arena arena = Arena.ofConfined()) {
            for (int rows : new int[] {1, 5, 8, 13}) {
                for (int columns : new int[] {1, 5, 6, 7, 8, 24, 70}) {
                    HalfMatrix source =
                            HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, numbers.matrix(arena, rows, columns, 1));
                    for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
                        Panels panels = Panels.broadcast(arena, kernels.matrix().tile(), columns, rows);
                        kernels.matrix()
                                .cutBfloat16(rows, columns, 2, source.segment(), 0, source.rowStride() * 2, panels, 0);
                        for (int i = 0; i < rows; i++) {
                            for (int j = 0; j < columns; j++) {
                                assertEquals(2 * source.get(i, j), at(panels, j / 6, i * 8 + j % 6));
                            }
                        }
                    }
                }
            }
        }
    }

    /** Vectors store to plain memory alone: what lies elsewhere is left to scalars. */
    @Test
    void memoryOfAnotherKindHasTheSameBits() {
        Numbers numbers = new Numbers(6);
        Tile tile = VECTOR.matrix().tile();
        int floats = 6 * tile.columns();
        try (Arena arena = Arena.ofConfined()) {
            Panels a = Panels.broadcast(arena, tile, 6, 50);
            Panels b = Panels.vector(arena, tile, 1, 50);
            MemorySegment.copy(numbers.matrix(arena, 1, 400, 1).segment(), 0, a.memory(), 0, 1600);
            MemorySegment.copy(
                    numbers.matrix(arena, 50, tile.columns(), 1).segment(), 0, b.memory(), 0, 200L * tile.columns());
            MemorySegment factors = numbers.matrix(arena, 1, tile.columns(), 1).segment();
            MemorySegment spare = arena.allocate(4L * floats, 64);
            MemorySegment[] results = {arena.allocate(4L * floats, 64), MemorySegment.ofArray(new float[floats])};
            MemorySegment[] exponentials = {arena.allocate(4L * floats, 64), MemorySegment.ofArray(new float[floats])};
            for (int i = 0; i < 2; i++) {
                results[i].fill((byte) 1);
                long rowBytes = 4L * tile.columns();
                for (MemorySegment f : new MemorySegment[] {null, factors}) {
                    VECTOR.matrix().multiply(a, 0, 1, 50, b.get(0), f, 0, results[i], 0, rowBytes, false, spare);
                    VECTOR.matrix().multiply(a, 0, 1, 50, b.get(0), factors, 0, results[i], 0, rowBytes, true, spare);
                    VECTOR.matrix().multiply(a, 0, 1, 50, b.get(0), f, 0, results[i], 0, rowBytes, true, spare);
                }
                VECTOR.softmax().scale(6, results[i], factors, 0);
                MemorySegment maxima = arena.allocate(4L * tile.columns(), 64);
                MemorySegment sums = arena.allocate(4L * tile.columns(), 64);
                VECTOR.softmax().exponentials(6, b.get(0), exponentials[i], maxima, sums, 0);
            }
            assertSameBits(results[0], results[1]);
            assertSameBits(exponentials[0], exponentials[1]);
            MemorySegment x = exponentials[0];
            MemorySegment g = arena.allocate(4L * floats, 64).copyFrom(results[0]);
            for (int n : new int[] {floats, floats - 1}) {
                for (MemorySegment result : results) {
                    VECTOR.rows().shift(n, 0.3f, 1e-3f, 0.7f, x, 0, result, 0);
                }
                assertSameBits(results[0], results[1]);
                for (MemorySegment result : results) {
                    VECTOR.elements().addScaled(n, 0.3f, x, 0, result, 0);
                }
                assertSameBits(results[0], results[1]);
                for (MemorySegment result : results) {
                    VECTOR.rows().gradient(n, 0.7f, x, 0, g, 0, result, 0);
                }
                assertSameBits(results[0], results[1]);
            }
            for (MemorySegment result : results) {
                VECTOR.matrix().transpose(6, tile.columns() / 2, x, 0, 4L * tile.columns(), result, 0, 32);
            }
            assertSameBits(results[0], results[1]);
            for (HalfMatrix.Format format : HalfMatrix.Format.values()) {
                HalfMatrix halves = HalfMatrix.of(arena, format, numbers.matrix(arena, 1, floats, 1));
                for (MemorySegment result : results) {
                    VECTOR.matrix().widen(format, floats, halves.segment(), 0, result, 0);
                }
                assertSameBits(results[0], results[1]);
            }
        }
    }

    @Test
    void interleaves() {
        Numbers numbers = new Numbers(5);
        try (Arena arena = Arena.ofConfined()) {
            for (int rows : new int[] {1, 2, 5, 6, 7, 12, 16}) {
                for (int columns : new int[] {1, 7, 8, 16, 31, 32, 50}) {
                    Matrix source = numbers.padded(arena, rows, columns, 1);
                    Matrix factors = numbers.matrix(arena, 1, columns + 1, 1);
                    int k = columns % 3;
                    Panels a = Panels.broadcast(arena, VECTOR.matrix().tile(), 18, 60);
                    Panels b = Panels.broadcast(arena, SCALAR.matrix().tile(), 18, 60);
                    for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
                        kernels.matrix()
                                .interleave(
                                        rows,
                                        columns,
                                        source.segment(),
                                        0,
                                        source.rowStride() * 4,
                                        factors.segment(),
                                        4,
                                        kernels == VECTOR ? a : b,
                                        0,
                                        k);
                    }
                    for (int i = 0; i < rows; i++) {
                        for (int j = 0; j < columns; j++) {
                            float expected = source.get(i, j) * factors.get(0, j + 1);
                            long at = (k + j) * 8L + i % 6;
                            assertEquals(expected, a.get(i / 6).getAtIndex(ValueLayout.JAVA_FLOAT, at));
                            assertEquals(expected, b.get(i / 6).getAtIndex(ValueLayout.JAVA_FLOAT, at));
                        }
                    }
                    // Nothing is written before or behind.
                    for (int p = 0; p < 3; p++) {
                        for (int at = 0; at < 60 * 8; at++) {
                            if (p * 6 >= rows || at < k * 8 || at >= (k + columns) * 8) {
                                assertEquals(0, a.get(p).getAtIndex(ValueLayout.JAVA_FLOAT, at));
                            }
                        }
                    }
                }
            }
        }
    }

    /** Chains, factors and sums are rounded as the contract says, -0 included; C's rows lie apart. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 31, 256, MatrixKernels.LONGEST})
    void multiplies(int kc) {
        Numbers numbers = new Numbers(kc);
        for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
            Tile tile = kernels.matrix().tile();
            int rows = 2 * tile.rows();
            int columns = tile.columns();
            try (Arena arena = Arena.ofConfined()) {
                Panels a = Panels.broadcast(arena, tile, rows, kc);
                Panels b = Panels.vector(arena, tile, 1, kc);
                Matrix left = numbers.matrix(arena, kc, rows, 1);
                Matrix right = numbers.matrix(arena, kc, columns, 1);
                for (int k = 0; k < kc; k++) {
                    left.set(k, 0, -1e-30f);
                    right.set(k, 0, 1e-30f);
                }
                kernels.matrix().cutBroadcast(kc, rows, 1, left.segment(), 0, left.rowStride() * 4, a, 0);
                kernels.matrix().cutVector(kc, columns, right.segment(), 0, right.rowStride() * 4, b, 0);
                Matrix factors = numbers.matrix(arena, 1, columns, 1);
                MemorySegment spare = arena.allocate(tile.bytes(), Matrix.ALIGNMENT);
                for (boolean scaled : new boolean[] {false, true}) {
                    for (boolean accumulate : new boolean[] {false, true}) {
                        Matrix c = numbers.padded(arena, rows, columns, 1);
                        Matrix before = Matrix.allocate(arena, rows, columns);
                        before.copyFrom(c);
                        MemorySegment f = scaled ? factors.segment() : null;
                        long stride = c.rowStride() * 4;
                        kernels.matrix()
                                .multiply(a, 0, 2, kc, b.get(0), f, 0, c.segment(), 0, stride, accumulate, spare);
                        assertTrue(Numbers.paddingIntact(c));
                        for (int i = 0; i < rows; i++) {
                            for (int j = 0; j < columns; j++) {
                                float sum = 0;
                                for (int k = 0; k < kc; k++) {
                                    sum = Math.fma(left.get(k, i), right.get(k, j), sum);
                                }
                                float factor = scaled ? factors.get(0, j) : 1;
                                float expected = accumulate ? Math.fma(sum, factor, before.get(i, j)) : sum * factor;
                                assertEquals(expected, c.get(i, j)); // which tells -0 from 0
                            }
                        }
                    }
                }
            }
        }
    }

    @Test
    void scales() {
        Numbers numbers = new Numbers(6);
        try (Arena arena = Arena.ofConfined()) {
            for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
                int columns = kernels.matrix().tile().columns();
                for (int rows : new int[] {1, 2, 7, 96}) {
                    Matrix tile = numbers.matrix(arena, rows, columns, 1);
                    Matrix factors = numbers.matrix(arena, 1, columns + 1, 1);
                    Matrix scaled = Matrix.allocate(arena, rows, columns);
                    scaled.copyFrom(tile);
                    kernels.softmax().scale(rows, scaled.segment(), factors.segment(), 4);
                    for (int i = 0; i < rows; i++) {
                        for (int j = 0; j < columns; j++) {
                            assertEquals(tile.get(i, j) * factors.get(0, j + 1), scaled.get(i, j));
                        }
                    }
                }
            }
        }
    }

    @Test
    void statisticsOfATile() {
        Numbers numbers = new Numbers(7);
        int wide = VECTOR.matrix().tile().columns();
        int narrow = SCALAR.matrix().tile().columns();
        int columns = Math.min(wide, narrow);
        try (Arena arena = Arena.ofConfined()) {
            for (int rows : new int[] {1, 2, 7, 192}) {
                Matrix logits = numbers.matrix(arena, rows, Math.max(wide, narrow), 60); // some exponentials are 0
                Matrix bias = numbers.matrix(arena, 1, rows + 1, 1);
                Matrix thresholds = numbers.matrix(arena, 1, Math.max(wide, narrow) + 1, 20);
                logits.set(rows - 1, 0, Float.NEGATIVE_INFINITY);
                bias.set(0, rows, 0);
                logits.set(0, 1, logits.get(rows - 1, 1)); // equals
                Matrix[] results = new Matrix[2];
                Matrix[] gradients = new Matrix[2];
                for (Kernels kernels : new Kernels[] {VECTOR, SCALAR}) {
                    int lanes = kernels.matrix().tile().columns();
                    Matrix tile = Matrix.allocate(arena, rows, lanes);
                    Matrix exponentials = Matrix.allocate(arena, rows, lanes);
                    Matrix statistics = Matrix.allocate(arena, 6, lanes);
                    MemorySegment[] rowsOf = new MemorySegment[6];
                    for (int i = 0; i < 6; i++) {
                        rowsOf[i] = statistics.rows(i, i + 1).segment();
                    }
                    tile.copyFrom(logits.view(0, 0, rows, lanes));
                    SoftmaxKernels softmax = kernels.softmax();
                    softmax.addBias(rows, tile.segment(), bias.segment(), 4);
                    softmax.softcap(rows, tile.segment(), 150);
                    assertEquals(SoftmaxKernels.softcap(logits.get(0, 1) + bias.get(0, 1), 150), tile.get(0, 1));
                    softmax.exponentials(rows, tile.segment(), exponentials.segment(), rowsOf[0], rowsOf[1], 0);
                    softmax.energies(rows, tile.segment(), exponentials.segment(), rowsOf[0], rowsOf[2], 0);
                    softmax.argmax(rows, tile.segment(), rowsOf[0], rowsOf[3], 0);
                    softmax.countAbove(rows, tile.segment(), thresholds.segment(), 4, rowsOf[4], 0);
                    int first = rows / 3;
                    int[] found = new int[rows - first];
                    softmax.findReaching(first, found.length, tile.segment(), thresholds.segment(), 4, found);
                    for (int i = 0; i < found.length * lanes; i++) {
                        boolean reaches = tile.get(first + i / lanes, i % lanes) >= thresholds.get(0, 1 + i % lanes);
                        assertEquals(reaches, (found[i / lanes] >>> i % lanes & 1) == 1);
                    }
                    MemorySegment weights = rows == 7 ? null : bias.segment();
                    softmax.weightedSums(rows, tile.segment(), bias.segment(), 4, rowsOf[5], 0);
                    assertTrue(Float.isFinite(statistics.get(5, 0))); // the row of -infinity weighs 0
                    MemorySegment some = thresholds.segment();
                    softmax.gradient(rows, tile.segment(), rowsOf[0], some, some, 0, some, some, 4, weights, 4);
                    results[kernels == VECTOR ? 0 : 1] = statistics.view(0, 0, 6, columns);
                    gradients[kernels == VECTOR ? 0 : 1] = tile.view(0, 0, rows, columns);
                }
                assertArrayEquals(Numbers.bits(results[1]), Numbers.bits(results[0]));
                assertArrayEquals(Numbers.bits(gradients[1]), Numbers.bits(gradients[0]));
                assertEquals(0, gradients[0].get(rows - 1, 0));
            }
        }
    }

    /** Tiles of different widths hold the same tokens in their first lanes; a third of the elements is large, some are negative. */
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 192})
    void sparse(int rows) {
        int columns = Math.min(
                VECTOR.matrix().tile().columns(), SCALAR.matrix().tile().columns());
        int wide = Math.max(
                VECTOR.matrix().tile().columns(), SCALAR.matrix().tile().columns());
        try (Arena arena = Arena.ofConfined()) {
            Numbers numbers = new Numbers(rows);
            Matrix values = numbers.matrix(arena, rows, wide, 1);
            Matrix units = numbers.matrix(arena, 1, wide, 0x1p31f);
            Matrix bounds = Matrix.allocate(arena, SparseKernels.BOUNDS, wide);
            for (int i = 0; i < SparseKernels.BOUNDS * wide; i++) {
                bounds.set(i / wide, i % wide, 0x1p28f * (i + 1));
            }
            int[][] found = new int[4][rows];
            int[][] foundRows = new int[4][rows];
            int[][] positions = new int[2][columns];
            Matrix[] statistics = new Matrix[2];
            for (int side = 0; side < 2; side++) {
                Kernels kernels = side == 0 ? VECTOR : SCALAR;
                int lanes = kernels.matrix().tile().columns();
                Matrix tile = Matrix.allocate(arena, rows, lanes);
                tile.copyFrom(values.view(0, 0, rows, lanes));
                Matrix edges = Matrix.allocate(arena, SparseKernels.BOUNDS, lanes);
                edges.copyFrom(bounds.view(0, 0, SparseKernels.BOUNDS, lanes));
                MemorySegment begun = arena.allocate((lanes + 1) * 4L, 4);
                for (int t = 0; t < lanes; t++) {
                    begun.setAtIndex(ValueLayout.JAVA_INT, t + 1L, 0x07654321 * (t + 1) & Integer.MAX_VALUE);
                }
                int count = kernels.sparse()
                        .sample(rows, tile.segment(), units.segment(), begun, 4, foundRows[side], found[side]);
                spread(rows, count, columns, foundRows[side], found[side]);
                for (int t = 0; t < columns; t++) {
                    positions[side][t] = begun.getAtIndex(ValueLayout.JAVA_INT, t + 1L);
                }
                count = kernels.sparse()
                        .findLarge(
                                rows,
                                tile.segment(),
                                units.segment(),
                                edges.segment(),
                                foundRows[2 + side],
                                found[2 + side]);
                spread(rows, count, columns, foundRows[2 + side], found[2 + side]);
                statistics[side] = Matrix.allocate(arena, 2 * SparseKernels.BOUNDS, lanes);
                kernels.sparse()
                        .tails(
                                rows,
                                tile.segment(),
                                units.segment(),
                                edges.segment(),
                                statistics[side].segment(),
                                statistics[side]
                                        .rows(SparseKernels.BOUNDS, 2 * SparseKernels.BOUNDS)
                                        .segment());
                statistics[side] = statistics[side].view(0, 0, 2 * SparseKernels.BOUNDS, columns);
            }
            assertArrayEquals(found[1], found[0]);
            assertArrayEquals(found[3], found[2]);
            assertArrayEquals(positions[1], positions[0]);
            assertArrayEquals(Numbers.bits(statistics[1]), Numbers.bits(statistics[0]));
        }
    }

    /** Puts the numbers of the rows in which something was found at their rows, without the tokens that not all tiles have. */
    private static void spread(int rows, int count, int tokens, int[] foundRows, int[] found) {
        int[] bits = new int[rows];
        for (int n = 0; n < count; n++) {
            bits[foundRows[n]] = found[n] & -1 >>> (Integer.SIZE - tokens);
        }
        System.arraycopy(bits, 0, found, 0, rows);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 16, 33, 64, 127, 128, 129, 300})
    void sparseProducts(int columns) {
        int[] starts = {0, 0, 3, 3, 7, 8};
        int[] indices = {2, 5, 8, 0, 3, 8, 9, 4};
        float[] values = {0.5f, -1.25f, 3e-3f, 1, 2, 0.1f, -7, 0.3f};
        try (Arena arena = Arena.ofConfined()) {
            Matrix source = new Numbers(columns).padded(arena, 10, columns + 1, 1);
            Matrix[] targets = new Matrix[2];
            for (int[] range : new int[][] {{0, 5, 0, 10}, {1, 4, 3, 9}, {2, 3, 0, 10}, {3, 5, 4, 5}}) {
                for (int kind = 0; kind < 3; kind++) {
                    for (int side = 0; side < 2; side++) {
                        targets[side] = new Numbers(3).padded(arena, 10, columns + 2, 1);
                        SparseKernels sparse = (side == 0 ? VECTOR : SCALAR).sparse();
                        long sourceAt = source.offset(0, 1);
                        long sourceStride = source.rowStride() * Float.BYTES;
                        MemorySegment target = targets[side].segment();
                        long targetAt = targets[side].offset(0, 1);
                        long targetStride = targets[side].rowStride() * Float.BYTES;
                        if (kind == 2) {
                            sparse.multiplyTransposed(
                                    range[0],
                                    range[1],
                                    starts,
                                    indices,
                                    values,
                                    range[2],
                                    range[3],
                                    columns,
                                    source.segment(),
                                    sourceAt,
                                    sourceStride,
                                    target,
                                    targetAt,
                                    targetStride);
                        } else {
                            sparse.multiply(
                                    range[0],
                                    range[1],
                                    starts,
                                    indices,
                                    values,
                                    range[2],
                                    range[3],
                                    columns,
                                    source.segment(),
                                    sourceAt,
                                    sourceStride,
                                    target,
                                    targetAt,
                                    targetStride,
                                    kind == 1);
                        }
                    }
                    assertArrayEquals(Numbers.bits(targets[1]), Numbers.bits(targets[0]));
                    assertEquals(new Numbers(3).normal(), targets[0].get(0, 0));
                }
            }
        }
    }

    private static float at(Panels panels, int panel, long index) {
        return panels.get(panel).getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    private static void assertSameBits(MemorySegment a, MemorySegment b) {
        assertArrayEquals(b.toArray(ValueLayout.JAVA_INT), a.toArray(ValueLayout.JAVA_INT));
    }
}
