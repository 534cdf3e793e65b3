package dev.panhead.kernel;

/**
 * ln x in float32, the same bits as {@link VectorLog}.
 *
 * <p>x = 2^e (1 + f) with 1 + f from 2/3 to 4/3; ln (1 + f) = f - f^2 / 2 + f^3 q(f), q a polynomial of degree 7 with minimal
 * relative error of the whole; plus e ln 2. The error is below 1 ulp over all float32 (0.94 at the most). Zero gives -infinity,
 * negative numbers and NaN give NaN.
 */
final class ScalarLog {

    static final float TWO_23 = 0x1p23f;
    static final float TWO_MINUS_23 = 0x1p-23f;
    static final int EXPONENT_BITS = 0xff800000;
    static final int TWO_THIRDS_BITS = Float.floatToRawIntBits(2f / 3);
    static final float LN2 = 0.693147182f;

    static final float C3 = 0x1.555506p-2f;
    static final float C4 = -0x1.fffefp-3f;
    static final float C5 = 0x1.99d028p-3f;
    static final float C6 = -0x1.559dccp-3f;
    static final float C7 = 0x1.1ed716p-3f;
    static final float C8 = -0x1.f3113cp-4f;
    static final float C9 = 0x1.1e66cp-3f;
    static final float C10 = -0x1.080592p-3f;

    private ScalarLog() {}

    static float log(float argument) {
        boolean subnormal = argument < Float.MIN_NORMAL;
        float x = subnormal ? argument * TWO_23 : argument;
        int bits = Float.floatToRawIntBits(x);
        int exponent = bits - TWO_THIRDS_BITS & EXPONENT_BITS;
        float f = Float.intBitsToFloat(bits - exponent) - 1;
        float e = Math.fma((float) exponent, TWO_MINUS_23, subnormal ? -23f : 0f);
        float q = Math.fma(f, C10, C9);
        q = Math.fma(q, f, C8);
        q = Math.fma(q, f, C7);
        q = Math.fma(q, f, C6);
        q = Math.fma(q, f, C5);
        q = Math.fma(q, f, C4);
        q = Math.fma(q, f, C3);
        q = Math.fma(q, f, -0.5f);
        q = Math.fma(q, f * f, f);
        float result = Math.fma(e, LN2, q);
        result = argument < Float.POSITIVE_INFINITY ? result : argument;
        result = argument < 0 ? Float.NaN : result;
        return argument == 0 ? Float.NEGATIVE_INFINITY : result;
    }
}
