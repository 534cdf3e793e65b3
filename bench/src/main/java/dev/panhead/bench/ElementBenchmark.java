package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.head.LogSoftmax;
import dev.panhead.math.Elementwise;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Functions of matrices, by default of logits that no cache holds. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class ElementBenchmark {

    /** Additions, multiplications and twice the fused multiply-adds of e^x and ln x; comparisons and integers do not count. */
    private static final int EXP = 21;

    private static final int LOG = 25;

    /** x - m, e^x, which has one multiplication less here, and the sum with what rounding takes from it; and x less the maximum and the logarithm. */
    private static final int LOG_SOFTMAX = 1 + (EXP - 1) + 4 + 3;

    @Param("1024")
    private int rows;

    @Param("50257")
    private int columns;

    @Param("2")
    private int threads;

    /** Whether the operands stay in the caches, so that no bytes are counted. */
    @Param("false")
    private boolean cached;

    private Arena arena;
    private Workers workers;
    private Elementwise elementwise;
    private LogSoftmax softmax;
    private Matrix x;
    private Matrix y;

    /** Positive numbers, for the logarithm's sake, and a place for results. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        elementwise = new Elementwise(workers);
        softmax = new LogSoftmax(workers);
        x = Data.normal(arena, rows, columns, 1);
        elementwise.exp(x, x);
        y = Matrix.allocate(arena, rows, columns);
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private void count(Work work, int operations) {
        double elements = (double) rows * columns;
        work.count(operations * elements, cached ? 0 : 2 * elements);
    }

    /** One read, one write. */
    @Benchmark
    public void exp(Work work) {
        elementwise.exp(x, y);
        count(work, EXP);
    }

    /** One read, one write. */
    @Benchmark
    public void log(Work work) {
        elementwise.log(x, y);
        count(work, LOG);
    }

    /** One read, one write. */
    @Benchmark
    public void logSoftmax(Work work) {
        softmax.values(x, y);
        count(work, LOG_SOFTMAX);
    }
}
