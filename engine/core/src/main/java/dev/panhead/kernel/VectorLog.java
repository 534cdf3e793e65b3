package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** ln x in vectors: method, error and bits as {@link ScalarLog}. */
final class VectorLog {

    private VectorLog() {}

    static FloatVector log(FloatVector argument) {
        VectorMask<Float> subnormal = argument.compare(VectorOperators.LT, Float.MIN_NORMAL);
        FloatVector x = argument.blend(argument.mul(ScalarLog.TWO_23), subnormal);
        IntVector bits = x.reinterpretAsInts();
        IntVector exponent = bits.sub(ScalarLog.TWO_THIRDS_BITS).and(ScalarLog.EXPONENT_BITS);
        FloatVector f = bits.sub(exponent).reinterpretAsFloats().sub(1);
        FloatVector e = ((FloatVector) exponent.convert(VectorOperators.I2F, 0))
                .fma(
                        FloatVector.broadcast(FLOATS, ScalarLog.TWO_MINUS_23),
                        FloatVector.broadcast(FLOATS, 0).blend(-23f, subnormal));
        FloatVector q =
                f.fma(FloatVector.broadcast(FLOATS, ScalarLog.C10), FloatVector.broadcast(FLOATS, ScalarLog.C9));
        q = q.fma(f, FloatVector.broadcast(FLOATS, ScalarLog.C8));
        q = q.fma(f, FloatVector.broadcast(FLOATS, ScalarLog.C7));
        q = q.fma(f, FloatVector.broadcast(FLOATS, ScalarLog.C6));
        q = q.fma(f, FloatVector.broadcast(FLOATS, ScalarLog.C5));
        q = q.fma(f, FloatVector.broadcast(FLOATS, ScalarLog.C4));
        q = q.fma(f, FloatVector.broadcast(FLOATS, ScalarLog.C3));
        q = q.fma(f, FloatVector.broadcast(FLOATS, -0.5f));
        q = q.fma(f.mul(f), f);
        FloatVector result = e.fma(FloatVector.broadcast(FLOATS, ScalarLog.LN2), q);
        result = argument.blend(result, argument.compare(VectorOperators.LT, Float.POSITIVE_INFINITY));
        result = result.blend(Float.NaN, argument.compare(VectorOperators.LT, 0f));
        return result.blend(Float.NEGATIVE_INFINITY, argument.compare(VectorOperators.EQ, 0f));
    }
}
