package dev.panhead.bench;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.LogSoftmax;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
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

/** The next token's log-probabilities for a few sequences: bound by reading the weight, until there are many of them. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class DecodeBenchmark {

    @Param({"1", "2", "4", "8", "16"})
    private int tokens;

    @Param("768")
    private int width;

    @Param("50257")
    private int vocabulary;

    /** What the weight is stored as; BFLOAT16 and FLOAT16 are there too. */
    @Param("FLOAT32")
    private String format;

    @Param("2")
    private int threads;

    private Arena arena;
    private Workers workers;
    private Gemm gemm;
    private LogSoftmax softmax;
    private Matrix hidden;
    private ReadableMatrix weight;
    private Matrix logits;

    /** Hidden states, the weight, and a place for the logits. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        gemm = new Gemm(arena, workers);
        softmax = new LogSoftmax(workers);
        hidden = Data.normal(arena, tokens, width, 1);
        Matrix floats = Data.normal(arena, vocabulary, width, 0.02f);
        weight = format.equals("FLOAT32") ? floats : HalfMatrix.of(arena, HalfMatrix.Format.valueOf(format), floats);
        logits = Matrix.allocate(arena, tokens, vocabulary);
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    /** Z = X W^T, and its log-softmax in place, whose operations are not counted. */
    @Benchmark
    public void logProbabilities(Work work) {
        gemm.multiply(Op.NONE, hidden, Op.TRANSPOSE, weight, logits);
        softmax.values(logits, logits);
        double share = weight instanceof Matrix ? 1 : 0.5; // of a float32
        double read = (tokens + share * vocabulary) * width;
        work.count(2.0 * tokens * width * vocabulary, read + (double) tokens * vocabulary);
    }
}
