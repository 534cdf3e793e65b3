package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The probes in scalars. */
final class ScalarProbeKernels implements ProbeKernels {

    private static final float X = 0.999f;
    private static final float Y = 1e-3f;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    @Override
    public long operationsARound() {
        return 8 * 2;
    }

    @Override
    public float multiplyAdd(int rounds) {
        float a = 1;
        float b = 2;
        float c = 3;
        float d = 4;
        float e = 5;
        float f = 6;
        float g = 7;
        float h = 8;
        for (int i = 0; i < rounds; i++) {
            a = Math.fma(a, X, Y);
            b = Math.fma(b, X, Y);
            c = Math.fma(c, X, Y);
            d = Math.fma(d, X, Y);
            e = Math.fma(e, X, Y);
            f = Math.fma(f, X, Y);
            g = Math.fma(g, X, Y);
            h = Math.fma(h, X, Y);
        }
        return a + b + c + d + e + f + g + h;
    }

    @Override
    public float read(MemorySegment x, long at, int bytes) {
        int sum = 0;
        for (int o = 0; o < bytes; o += Integer.BYTES) {
            sum += x.get(ValueLayout.JAVA_INT_UNALIGNED, at + o);
        }
        return sum;
    }

    @Override
    public void copy(MemorySegment x, MemorySegment y, long at, int bytes) {
        for (int o = 0; o < bytes; o += Float.BYTES) {
            y.set(FLOAT, at + o, x.get(FLOAT, at + o));
        }
    }

    @Override
    public void triad(MemorySegment x, MemorySegment y, MemorySegment z, long at, int bytes) {
        for (int o = 0; o < bytes; o += Float.BYTES) {
            z.set(FLOAT, at + o, Math.fma(X, y.get(FLOAT, at + o), x.get(FLOAT, at + o)));
        }
    }

    @Override
    public void update(MemorySegment x, long at, int bytes) {
        for (int o = 0; o < bytes; o += Float.BYTES) {
            x.set(FLOAT, at + o, X * x.get(FLOAT, at + o));
        }
    }
}
