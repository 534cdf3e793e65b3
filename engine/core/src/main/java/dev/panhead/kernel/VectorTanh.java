package dev.panhead.kernel;

import static dev.panhead.kernel.ScalarTanh.SMALL;
import static dev.panhead.kernel.ScalarTanh.T1;
import static dev.panhead.kernel.ScalarTanh.T2;
import static dev.panhead.kernel.ScalarTanh.T3;
import static dev.panhead.kernel.ScalarTanh.T4;
import static dev.panhead.kernel.ScalarTanh.T5;
import static dev.panhead.kernel.VectorWidth.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** tanh x in vectors: method, error and bits as {@link ScalarTanh}. */
final class VectorTanh {

    private VectorTanh() {}

    static FloatVector tanh(FloatVector x) {
        FloatVector one = FloatVector.broadcast(FLOATS, 1);
        FloatVector size = x.abs();
        FloatVector square = x.mul(x);
        FloatVector p = square.fma(FloatVector.broadcast(FLOATS, T5), FloatVector.broadcast(FLOATS, T4));
        p = p.fma(square, FloatVector.broadcast(FLOATS, T3));
        p = p.fma(square, FloatVector.broadcast(FLOATS, T2));
        p = p.fma(square, FloatVector.broadcast(FLOATS, T1));
        FloatVector small = p.mul(square).fma(x, x);
        FloatVector e = VectorExp.expNotPositive(size.mul(-2));
        FloatVector large = one.sub(e).div(one.add(e));
        return large.blend(large.neg(), x.compare(VectorOperators.LT, 0))
                .blend(small, size.compare(VectorOperators.LT, SMALL));
    }
}
