package dev.panhead.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Counts work instead of calls: with throughput in operations a second, the counters read as GFLOP/s and GB/s.
 *
 * <p>Their quotient is the arithmetic intensity, which says what bounds the work: the multiply-adds or the memory.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Work {

    /** Billions of floating-point operations, a fused multiply-add being two. */
    public double gflops;

    /**
     * Billions of bytes that must come from memory or go there: each operand read once, each result written once. A line that
     * is fetched only to be overwritten does not count, nor does what stays in the caches.
     */
    public double gigabytes;

    /** Refuses to measure scalars by accident: the harness's options for Java may take the place of the benchmarks' own. */
    @Setup(Level.Trial)
    public void requireVectors() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()
                && !Host.SCALAR.equals(System.getProperty("panhead.kernel"))) {
            throw new IllegalStateException("no vectors without " + Host.ADD_VECTORS
                    + ": add it to the Java options, or" + " measure scalars by -Dpanhead.kernel=" + Host.SCALAR);
        }
    }

    /** Starts at zero in each iteration. */
    @Setup(Level.Iteration)
    public void clear() {
        gflops = 0;
        gigabytes = 0;
    }

    void count(double operations, double floats) {
        gflops += 1e-9 * operations;
        gigabytes += 1e-9 * Float.BYTES * floats;
    }
}
