package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.LinearCrossEntropy;
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

/** The head: the loss alone (2 T d V operations), and with dX and dW (6 T d V). */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 4)
@Measurement(iterations = 3, time = 4)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class HeadBenchmark {

    @Param("1024")
    private int tokens;

    @Param("768")
    private int width;

    @Param("32000")
    private int vocabulary;

    @Param("2")
    private int threads;

    private Arena arena;
    private Workers workers;
    private LinearCrossEntropy head;
    private HeadInputs inputs;
    private HeadOutputs gradients;

    /** Random hidden states, a weight of deviation 0.02. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        head = new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, HeadOptions.DEFAULT);
        inputs = HeadInputs.of(
                Data.normal(arena, tokens, width, 1),
                Data.normal(arena, vocabulary, width, 0.02f),
                Data.targets(tokens, vocabulary));
        gradients =
                HeadOutputs.gradients(Matrix.allocate(arena, tokens, width), Matrix.allocate(arena, vocabulary, width));
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private double product() {
        return 2.0 * tokens * width * vocabulary;
    }

    /** Floats of X and W, and of their gradients; the logits need no memory. */
    private double operands() {
        return ((double) tokens + vocabulary) * width;
    }

    /** Loss only. */
    @Benchmark
    public double loss(Work work) {
        work.count(product(), operands());
        return head.run(inputs, HeadOutputs.NONE).loss();
    }

    /** Loss, dX and dW. */
    @Benchmark
    public double step(Work work) {
        work.count(3 * product(), 2 * operands());
        return head.run(inputs, gradients).loss();
    }
}
