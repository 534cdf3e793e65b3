package dev.panhead.bench;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
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

/** The three products of a step, as general matrix products. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 3, time = 2)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class GemmBenchmark {

    @Param("1024")
    private int tokens;

    @Param("768")
    private int width;

    @Param("8000")
    private int vocabulary;

    @Param("1")
    private int threads;

    private Arena arena;
    private Workers workers;
    private Gemm gemm;
    private Matrix x;
    private Matrix w;
    private Matrix z;

    /** X, W and the logits. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        gemm = new Gemm(arena, workers);
        x = Data.normal(arena, tokens, width, 1);
        w = Data.normal(arena, vocabulary, width, 0.02f);
        z = Data.normal(arena, tokens, vocabulary, 1);
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private void count(Work work) {
        double floats = (double) tokens * width + (double) vocabulary * width + (double) tokens * vocabulary;
        work.count(2.0 * tokens * width * vocabulary, floats);
    }

    /** Z = X W^T. */
    @Benchmark
    public void forward(Work work) {
        gemm.multiply(Op.NONE, x, Op.TRANSPOSE, w, z);
        count(work);
    }

    /** X = Z W. */
    @Benchmark
    public void hiddenGradient(Work work) {
        gemm.multiply(1e-3f, Op.NONE, z, Op.NONE, w, 0, x);
        count(work);
    }

    /** W = Z^T X. */
    @Benchmark
    public void weightGradient(Work work) {
        gemm.multiply(1e-3f, Op.TRANSPOSE, z, Op.NONE, x, 0, w);
        count(work);
    }
}
