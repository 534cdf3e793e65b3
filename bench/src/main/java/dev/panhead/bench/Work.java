package dev.panhead.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Counts work instead of calls: with throughput in operations a second, the counter {@code giga} reads as GFLOP/s or GB/s.
 */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Work {

    /** Billions of floating-point operations, or of bytes. */
    public double giga;

    /** Starts at zero in each iteration. */
    @Setup(Level.Iteration)
    public void clear() {
        giga = 0;
    }
}
