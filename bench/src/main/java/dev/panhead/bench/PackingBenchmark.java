package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

/** A weight, read from memory block by block into panels that stay in the caches, as products do it. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class PackingBenchmark {

    /** A multiple of every tile's rows and columns. */
    private static final int ROWS = 96;

    private static final int KC = 256;

    private final MatrixKernels kernels = Kernels.current().matrix();
    private final Workers.Task broadcast = this::packBroadcast;
    private final Workers.Task vector = this::packVector;

    @Param("50304")
    private int rows;

    @Param("768")
    private int columns;

    @Param("2")
    private int threads;

    private Arena arena;
    private Workers workers;
    private Matrix weight;
    private MemorySegment ones;
    private Panels[] broadcastPanels;
    private Panels[] vectorPanels;

    /** A weight, and each worker's own panels. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        weight = Data.normal(arena, rows, columns, 0.02f);
        ones = arena.allocate((long) KC * Float.BYTES, Matrix.ALIGNMENT);
        Packing.repeat(1, ones);
        broadcastPanels = new Panels[threads];
        vectorPanels = new Panels[threads];
        for (int w = 0; w < threads; w++) {
            broadcastPanels[w] = Panels.broadcast(arena, kernels.tile(), ROWS, KC);
            vectorPanels[w] =
                    Panels.vector(arena, kernels.tile(), kernels.tile().vectorPanels(ROWS), KC);
        }
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private void packBroadcast(int index, int worker) {
        int row = index * ROWS;
        for (int k = 0; k < columns; k += KC) {
            int count = Math.min(ROWS, rows - row);
            int kc = Math.min(KC, columns - k);
            Packing.broadcast(kernels, false, weight, null, ones, row, count, k, kc, broadcastPanels[worker], 0);
        }
    }

    private void packVector(int index, int worker) {
        int row = index * ROWS;
        for (int k = 0; k < columns; k += KC) {
            int count = Math.min(ROWS, rows - row);
            int kc = Math.min(KC, columns - k);
            Packing.vector(kernels, true, weight, null, k, kc, row, count, vectorPanels[worker], 0);
        }
    }

    private void run(Workers.Task task, Work work) {
        workers.run(Math.ceilDiv(rows, ROWS), task);
        work.count(0, (double) rows * columns);
    }

    /** Rows of the weight as the broadcast side. */
    @Benchmark
    public void broadcast(Work work) {
        run(broadcast, work);
    }

    /** Rows of the weight as the vector side, by transposition. */
    @Benchmark
    public void vector(Work work) {
        run(vector, work);
    }
}
