package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.Sgd;
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

/** Steps of the optimizers, on a weight that no cache holds. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class OptimizerBenchmark {

    /** Additions, multiplications, divisions, roots, and twice the fused multiply-adds for each parameter. */
    private static final int SGD = 7;

    private static final int ADAM_W = 16;

    /** So small that parameters stay what they are, in thousands of steps. */
    private static final double RATE = 1e-6;

    @Param("50257")
    private int rows;

    @Param("768")
    private int columns;

    @Param("2")
    private int threads;

    private Arena arena;
    private Workers workers;
    private Sgd sgd;
    private AdamW adamW;
    private AdamW.Moments moments;
    private Matrix parameters;
    private Matrix gradient;
    private long step;

    /** A weight, its gradient and moments. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        sgd = new Sgd(workers, 0.9, false, 1e-4);
        adamW = new AdamW(workers, 0.9, 0.95, 1e-8, 0.1);
        moments = AdamW.Moments.allocate(arena, rows, columns);
        parameters = Data.normal(arena, rows, columns, 0.02f);
        gradient = Data.normal(arena, rows, columns, 1e-3f);
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private void count(Work work, int operations, int passes) {
        double elements = (double) rows * columns;
        work.count(operations * elements, passes * elements);
    }

    /** With momentum: three reads, two writes. */
    @Benchmark
    public void sgd(Work work) {
        sgd.update(parameters, gradient, moments.first(), RATE, 1);
        count(work, SGD, 5);
    }

    /** Four reads, three writes. */
    @Benchmark
    public void adamW(Work work) {
        adamW.update(parameters, gradient, moments, ++step, RATE, 1);
        count(work, ADAM_W, 7);
    }
}
