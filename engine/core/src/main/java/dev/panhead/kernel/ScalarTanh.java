package dev.panhead.kernel;

/**
 * tanh x in scalars, within 2 ulp: below 0.625 the odd polynomial of Cephes (Moshier, tanhf), beyond it (1 - e) / (1 + e) with e =
 * e^(-2 |x|). NaN for NaN.
 */
final class ScalarTanh {

    /** Where the polynomial ends. */
    static final float SMALL = 0.625f;

    static final float T1 = -3.33332819422e-1f;
    static final float T2 = 1.33314422036e-1f;
    static final float T3 = -5.37397155531e-2f;
    static final float T4 = 2.06390887954e-2f;
    static final float T5 = -5.70498872745e-3f;

    private ScalarTanh() {}

    static float tanh(float x) {
        float size = Math.abs(x);
        float square = x * x;
        float p = Math.fma(square, T5, T4);
        p = Math.fma(p, square, T3);
        p = Math.fma(p, square, T2);
        p = Math.fma(p, square, T1);
        float small = Math.fma(p * square, x, x);
        float e = ScalarExp.expNotPositive(size * -2);
        float large = (1 - e) / (1 + e);
        return size < SMALL ? small : x < 0 ? -large : large;
    }
}
