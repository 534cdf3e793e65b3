package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.ProbeKernels;
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

/** The peak of multiply-adds, on registers alone; {@code -jvmArgsAppend -Dpanhead.vectorBits=128} for another width. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 5, jvmArgsPrepend = Host.ADD_VECTORS)
public class PeakBenchmark {

    private static final int ROUNDS = 100_000;

    private final ProbeKernels probe = Kernels.current().probe();

    @Param("1")
    private int threads;

    private Workers workers;
    private float[] results;

    private final Workers.Task task = (index, worker) -> results[worker] = probe.multiplyAdd(ROUNDS);

    /** Starts the threads. */
    @Setup(Level.Trial)
    public void start() {
        workers = new Workers(threads);
        results = new float[threads];
    }

    /** Ends them. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
    }

    /** Multiply-adds on registers. */
    @Benchmark
    public float[] multiplyAdd(Work work) {
        workers.run(threads, task);
        work.count((double) threads * ROUNDS * probe.operationsARound(), 0);
        return results;
    }
}
