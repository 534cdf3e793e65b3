package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The probes in vectors. */
final class VectorProbeKernels implements ProbeKernels {

    private static final int ACCUMULATORS = 12;
    private static final int VECTOR_BYTES = FLOATS.vectorByteSize();
    private static final float FACTOR = 0.999f;

    @Override
    public long operationsARound() {
        return 2L * ACCUMULATORS * FLOATS.length();
    }

    @Override
    public float multiplyAdd(int rounds) {
        FloatVector x = FloatVector.broadcast(FLOATS, 0.999f);
        FloatVector y = FloatVector.broadcast(FLOATS, 1e-3f);
        FloatVector a0 = y;
        FloatVector a1 = y;
        FloatVector a2 = y;
        FloatVector a3 = y;
        FloatVector a4 = y;
        FloatVector a5 = y;
        FloatVector a6 = y;
        FloatVector a7 = y;
        FloatVector a8 = y;
        FloatVector a9 = y;
        FloatVector a10 = y;
        FloatVector a11 = y;
        for (int i = 0; i < rounds; i++) {
            a0 = x.fma(y, a0);
            a1 = x.fma(y, a1);
            a2 = x.fma(y, a2);
            a3 = x.fma(y, a3);
            a4 = x.fma(y, a4);
            a5 = x.fma(y, a5);
            a6 = x.fma(y, a6);
            a7 = x.fma(y, a7);
            a8 = x.fma(y, a8);
            a9 = x.fma(y, a9);
            a10 = x.fma(y, a10);
            a11 = x.fma(y, a11);
        }
        return a0.add(a1)
                .add(a2)
                .add(a3)
                .add(a4)
                .add(a5)
                .add(a6)
                .add(a7)
                .add(a8)
                .add(a9)
                .add(a10)
                .add(a11)
                .reduceLanes(VectorOperators.ADD);
    }

    @Override
    public float read(MemorySegment x, long at, int bytes) {
        int quarter = bytes / 4;
        long at1 = at + quarter;
        long at2 = at1 + quarter;
        long at3 = at2 + quarter;
        FloatVector a0 = FloatVector.zero(FLOATS);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        for (int o = 0; o < quarter; o += VECTOR_BYTES) {
            a0 = a0.add(FloatVector.fromMemorySegment(FLOATS, x, at + o, ORDER));
            a1 = a1.add(FloatVector.fromMemorySegment(FLOATS, x, at1 + o, ORDER));
            a2 = a2.add(FloatVector.fromMemorySegment(FLOATS, x, at2 + o, ORDER));
            a3 = a3.add(FloatVector.fromMemorySegment(FLOATS, x, at3 + o, ORDER));
        }
        return a0.add(a1).add(a2.add(a3)).reduceLanes(VectorOperators.ADD);
    }

    @Override
    public void copy(MemorySegment x, MemorySegment y, long at, int bytes) {
        for (int o = 0; o < bytes; o += VECTOR_BYTES) {
            FloatVector.fromMemorySegment(FLOATS, x, at + o, ORDER).intoMemorySegment(y, at + o, ORDER);
        }
    }

    @Override
    public void triad(MemorySegment x, MemorySegment y, MemorySegment z, long at, int bytes) {
        FloatVector factor = FloatVector.broadcast(FLOATS, FACTOR);
        for (int o = 0; o < bytes; o += VECTOR_BYTES) {
            FloatVector.fromMemorySegment(FLOATS, y, at + o, ORDER)
                    .fma(factor, FloatVector.fromMemorySegment(FLOATS, x, at + o, ORDER))
                    .intoMemorySegment(z, at + o, ORDER);
        }
    }

    @Override
    public void update(MemorySegment x, long at, int bytes) {
        FloatVector factor = FloatVector.broadcast(FLOATS, FACTOR);
        for (int o = 0; o < bytes; o += VECTOR_BYTES) {
            FloatVector.fromMemorySegment(FLOATS, x, at + o, ORDER).mul(factor).intoMemorySegment(x, at + o, ORDER);
        }
    }
}
