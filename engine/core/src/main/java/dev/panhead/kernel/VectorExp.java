package dev.panhead.kernel;

import static dev.panhead.kernel.ScalarExp.C2;
import static dev.panhead.kernel.ScalarExp.C3;
import static dev.panhead.kernel.ScalarExp.C4;
import static dev.panhead.kernel.ScalarExp.C5;
import static dev.panhead.kernel.ScalarExp.C6;
import static dev.panhead.kernel.ScalarExp.HIGH;
import static dev.panhead.kernel.ScalarExp.LEAST;
import static dev.panhead.kernel.ScalarExp.LN2_HIGH;
import static dev.panhead.kernel.ScalarExp.LN2_LOW;
import static dev.panhead.kernel.ScalarExp.LOG2_E;
import static dev.panhead.kernel.ScalarExp.LOW;
import static dev.panhead.kernel.ScalarExp.MAGIC;
import static dev.panhead.kernel.ScalarExp.ONE_BITS;
import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.INTS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** e^x in vectors: method, error and bits as {@link ScalarExp}. */
final class VectorExp {

    private static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);

    /**
     * Shifts to the exponent. By a vector, and not by a number: in some processes, those that had computed something else before, C2 kept each
     * vector that a number shifts on the heap, for good.
     */
    private static final IntVector TO_EXPONENT = IntVector.broadcast(INTS, 23);

    private static final IntVector ONE = IntVector.broadcast(INTS, 1);

    private VectorExp() {}

    static FloatVector exp(FloatVector argument) {
        FloatVector one = FloatVector.broadcast(FLOATS, 1);
        FloatVector x = argument.blend(LOW, argument.compare(VectorOperators.LT, LOW));
        x = x.blend(HIGH, x.compare(VectorOperators.GT, HIGH));
        FloatVector shifted = x.fma(FloatVector.broadcast(FLOATS, LOG2_E), FloatVector.broadcast(FLOATS, MAGIC));
        FloatVector n = shifted.sub(MAGIC);
        FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(FLOATS, -LN2_LOW), r);
        FloatVector p = r.fma(FloatVector.broadcast(FLOATS, C6), FloatVector.broadcast(FLOATS, C5));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C4));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C3));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C2));
        p = p.fma(r, one);
        p = p.fma(r, one);
        IntVector exponent = shifted.reinterpretAsInts().sub(MAGIC_BITS);
        IntVector half = exponent.lanewise(VectorOperators.ASHR, ONE);
        return p.mul(powerOf2(half)).mul(powerOf2(exponent.sub(half)));
    }

    /** e^x for x that is not positive, as {@link ScalarExp#expNotPositive}. Written out: a method of the two would not be inlined. */
    static FloatVector expNotPositive(FloatVector x) {
        FloatVector one = FloatVector.broadcast(FLOATS, 1);
        FloatVector shifted = x.fma(FloatVector.broadcast(FLOATS, LOG2_E), FloatVector.broadcast(FLOATS, MAGIC));
        FloatVector n = shifted.sub(MAGIC);
        FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(FLOATS, -LN2_LOW), r);
        FloatVector p = r.fma(FloatVector.broadcast(FLOATS, C6), FloatVector.broadcast(FLOATS, C5));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C4));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C3));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C2));
        p = p.fma(r, one);
        p = p.fma(r, one);
        FloatVector power = shifted.reinterpretAsInts()
                .lanewise(VectorOperators.LSHL, TO_EXPONENT)
                .add(ONE_BITS)
                .reinterpretAsFloats();
        return p.mul(power).blend(0, x.compare(VectorOperators.LT, LEAST));
    }

    private static FloatVector powerOf2(IntVector n) {
        return n.add(127).lanewise(VectorOperators.LSHL, TO_EXPONENT).reinterpretAsFloats();
    }
}
