package dev.panhead.kernel;

/**
 * e^x in float32, the same bits as {@link VectorExp}.
 *
 * <p>x = n ln 2 + r with |r| <= ln 2 / 2 (n by rounding with a magic number, ln 2 in two parts), e^r by a polynomial of degree
 * 6 with minimal relative error, times 2^n in two steps, so that a subnormal result is rounded once. The error is below 0.75
 * ulp for normal results and at most 1 ulp for subnormal ones, over all float32. NaN gives NaN.
 */
final class ScalarExp {

    /** Below this, e^x rounds to 0; beyond the upper bound, to infinity. */
    static final float LOW = -105;

    static final float HIGH = 89;

    /** Where e^x is still normal. */
    static final float LEAST = -87;

    static final int ONE_BITS = Float.floatToRawIntBits(1);

    static final float LOG2_E = 1.44269504f;

    /** 1.5 * 2^23: a small float added to it is rounded to an integer, which stands in the lowest bits of the sum. */
    static final float MAGIC = 0x1.8p23f;

    static final float LN2_HIGH = 0x1.62e4p-1f;
    static final float LN2_LOW = 0x1.7f7d1cp-20f;

    static final float C2 = 0x1.fffffcp-2f;
    static final float C3 = 0x1.555492p-3f;
    static final float C4 = 0x1.5558f2p-5f;
    static final float C5 = 0x1.123a2p-7f;
    static final float C6 = 0x1.6a23cep-10f;

    private ScalarExp() {}

    static float exp(float argument) {
        float x = argument < LOW ? LOW : argument;
        x = x > HIGH ? HIGH : x;
        float shifted = Math.fma(x, LOG2_E, MAGIC);
        float n = shifted - MAGIC;
        float r = Math.fma(n, -LN2_HIGH, x);
        r = Math.fma(n, -LN2_LOW, r);
        float p = Math.fma(r, C6, C5);
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, C2);
        p = Math.fma(p, r, 1);
        p = Math.fma(p, r, 1);
        int exponent = Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(MAGIC);
        int half = exponent >> 1;
        return p * powerOf2(half) * powerOf2(exponent - half);
    }

    /**
     * e^x for x that is not positive, in fewer operations and with the same error; 0 below {@link #LEAST}, where it would not be
     * a normal number.
     */
    static float expNotPositive(float x) {
        float shifted = Math.fma(x, LOG2_E, MAGIC);
        float n = shifted - MAGIC;
        float r = Math.fma(n, -LN2_HIGH, x);
        r = Math.fma(n, -LN2_LOW, r);
        float p = Math.fma(r, C6, C5);
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, C2);
        p = Math.fma(p, r, 1);
        p = Math.fma(p, r, 1);
        // The lowest bits of MAGIC are 0: shifted to the exponent's place, those of the sum are n's.
        float power = Float.intBitsToFloat((Float.floatToRawIntBits(shifted) << 23) + ONE_BITS);
        return x < LEAST ? 0 : p * power;
    }

    private static float powerOf2(int n) {
        return Float.intBitsToFloat(n + 127 << 23);
    }
}
