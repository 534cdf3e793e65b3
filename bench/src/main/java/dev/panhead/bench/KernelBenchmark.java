package dev.panhead.bench;

import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the micro-kernel makes, on packed panels in the caches, of one thread's peak. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 5, jvmArgsPrepend = Host.ADD_VECTORS)
public class KernelBenchmark {

    private static final int KC = 256;
    private static final int PANELS = 16;

    private final MatrixKernels matrix = Kernels.current().matrix();
    private final Tile tile = matrix.tile();
    private Panels a;
    private MemorySegment b;
    private MemorySegment c;
    private MemorySegment spare;
    private boolean accumulate;

    /** Panels that fit the first and second level caches. */
    @Setup
    public void allocate() {
        Arena arena = Arena.ofShared();
        a = Panels.broadcast(arena, tile, PANELS * tile.rows(), KC);
        b = Panels.vector(arena, tile, 1, KC).get(0);
        Data.fill(a.memory());
        Data.fill(b);
        c = arena.allocate(PANELS * tile.bytes(), Matrix.ALIGNMENT);
        spare = arena.allocate(tile.bytes(), Matrix.ALIGNMENT);
    }

    /** The micro-kernel, every other time adding to C. */
    @Benchmark
    public void microKernel(Work work) {
        accumulate = !accumulate;
        matrix.multiply(a, 0, PANELS, KC, b, c, 0, tile.columns() * (long) Float.BYTES, accumulate, spare);
        work.count(2.0 * PANELS * tile.rows() * tile.columns() * KC, 0);
    }
}
