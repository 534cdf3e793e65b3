package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.ProbeKernels;
import dev.panhead.probe.Machine;
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

/** What memory gives and takes, with arrays far larger than the caches. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsPrepend = Host.ADD_VECTORS)
public class BandwidthBenchmark {

    private static final int PIECE = 1 << 20;

    /** Arrays a power of two apart would meet in the same few lines of the caches. */
    private static final int STAGGER = 17 * 64;

    private final ProbeKernels probe = Kernels.current().probe();
    private final long bytes = Machine.bytesBeyondCaches();

    @Param("2")
    private int threads;

    private Arena arena;
    private Workers workers;
    private float[] results;
    private MemorySegment x;
    private MemorySegment y;
    private MemorySegment z;

    private final Workers.Task read = (index, worker) -> results[worker] = probe.read(x, at(index), PIECE);
    private final Workers.Task copy = (index, worker) -> probe.copy(x, y, at(index), PIECE);
    private final Workers.Task triad = (index, worker) -> probe.triad(x, y, z, at(index), PIECE);
    private final Workers.Task update = (index, worker) -> probe.update(x, at(index), PIECE);

    /** Three arrays, whose pages are all there. */
    @Setup(Level.Trial)
    public void allocate() {
        arena = Arena.ofShared();
        workers = new Workers(threads);
        results = new float[threads];
        MemorySegment memory = arena.allocate(3 * (bytes + STAGGER), Matrix.ALIGNMENT);
        Data.fill(memory);
        x = memory.asSlice(0, bytes);
        y = memory.asSlice(bytes + STAGGER, bytes);
        z = memory.asSlice(2 * (bytes + STAGGER), bytes);
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        workers.close();
        arena.close();
    }

    private static long at(int index) {
        return (long) index * PIECE;
    }

    private void run(Workers.Task task, int operations, int passes, Work work) {
        workers.run((int) (bytes / PIECE), task);
        double floats = (double) bytes / Float.BYTES;
        work.count(operations * floats, passes * floats);
    }

    /** One read. */
    @Benchmark
    public float[] read(Work work) {
        run(read, 1, 1, work);
        return results;
    }

    /** One read, one write, elsewhere. */
    @Benchmark
    public void copy(Work work) {
        run(copy, 0, 2, work);
    }

    /** Two reads, one write, elsewhere. */
    @Benchmark
    public void triad(Work work) {
        run(triad, 2, 3, work);
    }

    /** One read, one write, of the same memory. */
    @Benchmark
    public void update(Work work) {
        run(update, 1, 2, work);
    }
}
