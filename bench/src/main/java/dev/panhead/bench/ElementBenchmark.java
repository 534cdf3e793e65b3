package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.head.LogSoftmax;
import dev.panhead.math.Elementwise;
import dev.panhead.optim.AdamW;
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

/** Memory-bound work on 1024 x 50257 floats, in GB/s of what must be read and written. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
        value = 3,
        jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class ElementBenchmark {

    private static final int ROWS = 1024;
    private static final int COLUMNS = 50_257;

    @Param("2")
    private int threads;

    private Arena arena;
    private Workers workers;
    private Elementwise elementwise;
    private LogSoftmax softmax;
    private AdamW adamW;
    private AdamW.Moments moments;
    private Matrix x;
    private Matrix y;
    private long step;

    /** Logits and a place for results. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        elementwise = new Elementwise(workers);
        softmax = new LogSoftmax(workers);
        adamW = new AdamW(workers, 0.9, 0.95, 1e-8, 0.1);
        moments = AdamW.Moments.allocate(arena, ROWS, COLUMNS);
        x = Data.normal(arena, ROWS, COLUMNS, 1);
        y = Matrix.allocate(arena, ROWS, COLUMNS);
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private void count(Work work, int passes) {
        work.giga += 1e-9 * Float.BYTES * passes * ROWS * COLUMNS;
    }

    /** One read, one write. */
    @Benchmark
    public void exp(Work work) {
        elementwise.exp(x, y);
        count(work, 2);
    }

    /** One read, one write. */
    @Benchmark
    public void logSoftmax(Work work) {
        softmax.values(x, y);
        count(work, 2);
    }

    /** Four reads, three writes. */
    @Benchmark
    public void adamW(Work work) {
        adamW.update(y, x, moments, ++step, 1e-3, 1);
        count(work, 7);
    }
}
