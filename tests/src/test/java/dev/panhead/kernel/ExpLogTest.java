package dev.panhead.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** exp and log against {@link StrictMath} in double, which is right to 1 ulp of a double: exact enough to count float ulps. */
class ExpLogTest {

    private static final int BLOCK = 1 << 16;

    /** Runs of 2^16 neighbours; the others are left out of the quick test. */
    private static final int EVERY = 61;

    @Test
    void tanhIsWithinThreeUlp() {
        for (int i = 0; i < 300_000; i++) {
            float x = Float.intBitsToFloat(0x3000_0000 + i * 1009); // from 5e-10 to where it is 1
            double exact = org.apache.commons.math3.util.FastMath.tanh((double) x);
            assertEquals(exact, ScalarTanh.tanh(x), 3 * Math.ulp((float) exact), () -> "tanh " + x);
            assertEquals(-ScalarTanh.tanh(x), ScalarTanh.tanh(-x));
        }
        assertEquals(0, ScalarTanh.tanh(0));
        assertEquals(1, ScalarTanh.tanh(Float.POSITIVE_INFINITY));
        assertTrue(Float.isNaN(ScalarTanh.tanh(Float.NaN)));
    }

    private interface Kernel {
        void apply(int n, MemorySegment x, long xAt, MemorySegment y, long yAt);
    }

    private static final ElementKernels VECTOR = VectorKernels.create().elements();
    private static final ElementKernels SCALAR = ScalarKernels.create().elements();

    @Test
    void expIsWithinOneUlp() {
        check(VECTOR::exp, SCALAR::exp, StrictMath::exp, EVERY);
    }

    @Test
    void logIsWithinOneUlp() {
        check(VECTOR::log, SCALAR::log, StrictMath::log, EVERY);
    }

    @Test
    void softmaxIsWithinOneUlp() {
        check(softmax(VectorKernels.create()), softmax(ScalarKernels.create()), ExpLogTest::ofTwo, EVERY);
    }

    @Test
    @Tag("exhaustive")
    void softmaxIsWithinOneUlpForEveryFloat() {
        check(softmax(VectorKernels.create()), softmax(ScalarKernels.create()), ExpLogTest::ofTwo, 1);
    }

    /** e^(x - max) for tiles of two logits, 0 and x. */
    private static Kernel softmax(Kernels kernels) {
        int lanes = kernels.matrix().tile().columns();
        long bytes = lanes * (long) Float.BYTES;
        Arena arena = Arena.global();
        MemorySegment tile = arena.allocate(2 * bytes, 64);
        MemorySegment maxima = arena.allocate(bytes, 64);
        MemorySegment sums = arena.allocate(bytes, 64);
        return (n, x, xAt, y, yAt) -> {
            for (long o = 0; o < n * (long) Float.BYTES; o += bytes) {
                tile.asSlice(0, bytes).fill((byte) 0);
                MemorySegment.copy(x, xAt + o, tile, bytes, bytes);
                kernels.softmax().exponentials(2, tile, tile, maxima, sums, 0);
                MemorySegment.copy(tile, bytes, y, yAt + o, bytes);
            }
        };
    }

    private static double ofTwo(double x) {
        if (x == Double.POSITIVE_INFINITY) {
            return Double.NaN;
        }
        return x > 0 ? 1 : x < ScalarExp.LEAST ? 0 : StrictMath.exp(x);
    }

    @Test
    @Tag("exhaustive")
    void expIsWithinOneUlpForEveryFloat() {
        check(VECTOR::exp, SCALAR::exp, StrictMath::exp, 1);
    }

    @Test
    @Tag("exhaustive")
    void logIsWithinOneUlpForEveryFloat() {
        check(VECTOR::log, SCALAR::log, StrictMath::log, 1);
    }

    @Test
    void specialValues() {
        assertEquals(0, ScalarExp.exp(Float.NEGATIVE_INFINITY));
        assertEquals(Float.POSITIVE_INFINITY, ScalarExp.exp(Float.POSITIVE_INFINITY));
        assertEquals(Float.POSITIVE_INFINITY, ScalarExp.exp(88.73f));
        assertEquals(0, ScalarExp.exp(-104f));
        assertEquals(Float.MIN_VALUE, ScalarExp.exp(-103.5f));
        assertEquals(1, ScalarExp.exp(-0f));
        assertTrue(Float.isNaN(ScalarExp.exp(Float.NaN)));
        assertEquals(Float.NEGATIVE_INFINITY, ScalarLog.log(0f));
        assertEquals(Float.NEGATIVE_INFINITY, ScalarLog.log(-0f));
        assertEquals(Float.POSITIVE_INFINITY, ScalarLog.log(Float.POSITIVE_INFINITY));
        assertTrue(Float.isNaN(ScalarLog.log(-Float.MIN_VALUE)));
        assertTrue(Float.isNaN(ScalarLog.log(Float.NEGATIVE_INFINITY)));
        assertTrue(Float.isNaN(ScalarLog.log(Float.NaN)));
        assertEquals(0, ScalarLog.log(1f));
    }

    private static void check(Kernel vector, Kernel scalar, DoubleUnaryOperator exact, int every) {
        double worst = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(BLOCK * 4L, 64);
            MemorySegment y = arena.allocate(BLOCK * 4L, 64);
            MemorySegment twin = arena.allocate(BLOCK * 4L, 64);
            for (int high = 0; high < 1 << 16; high++) {
                boolean edge = (high & 0x7f) == 0 || (high & 0x7fff) >= 0x42ac && (high & 0x7fff) <= 0x42d1;
                if (high % every != 0 && !edge) {
                    continue;
                }
                for (int low = 0; low < BLOCK; low++) {
                    x.setAtIndex(ValueLayout.JAVA_INT, low, high << 16 | low);
                }
                vector.apply(BLOCK, x, 0, y, 0);
                scalar.apply(BLOCK, x, 0, twin, 0);
                for (int i = 0; i < BLOCK; i++) {
                    float argument = x.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    float value = y.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    float other = twin.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                    if (Float.floatToIntBits(value) != Float.floatToIntBits(other)) {
                        throw new AssertionError(argument + ": vector gives " + value + ", scalar " + other);
                    }
                    double error = ulps(value, exact.applyAsDouble(argument));
                    if (!(error <= 1)) {
                        throw new AssertionError(argument + ": " + value + " is " + error + " ulp off");
                    }
                    worst = Math.max(worst, error);
                }
            }
        }
        assertTrue(worst > 0.5, "an error of " + worst + " ulp at the most is too good to be measured");
    }

    private static double ulps(float value, double exact) {
        if (Double.isNaN(exact)) {
            return Float.isNaN(value) ? 0 : Double.NaN;
        }
        if (Float.isInfinite(value)) {
            // right if the exact value is infinite, or rounds to infinity within an ulp of the largest float
            return exact == value || Math.abs(exact) > Float.MAX_VALUE ? 0 : Double.NaN;
        }
        double ulp = Math.max(Float.MIN_VALUE, Math.scalb(1.0, Math.getExponent(exact) - 23));
        return Math.abs(value - exact) / ulp;
    }
}
