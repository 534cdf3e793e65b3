package dev.panhead.probe;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.ProbeKernels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The machine, the kernels picked for it, and its measured limits. Stateless; measurements want the machine to themselves. */
public final class Machine {

    private static final int RUNS = 12;
    private static final int ROUNDS = 2_000_000;
    private static final int PIECE = 1 << 20;
    private static final int PIECES = 256;

    private Machine() {}

    /** The processor's model name, or its architecture where the name cannot be had. */
    public static String processor() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    /** Which kernels compute: "vector" or "scalar". */
    public static String kernel() {
        return Kernels.current().name();
    }

    /** Width of the vectors, 32 for scalars. */
    public static int vectorBits() {
        return Kernels.current().vectorBits();
    }

    /** Measures the peak of float32 multiply-adds on registers, all workers together, in GFLOP/s. Takes about a second. */
    public static double measurePeak(Workers workers) {
        ProbeKernels probe = Kernels.current().probe();
        AtomicInteger sink = new AtomicInteger();
        int rounds = Kernels.current().name().equals("vector") ? ROUNDS : ROUNDS / 10;
        double best = 0;
        for (int run = 0; run < RUNS; run++) {
            long start = System.nanoTime();
            workers.run(
                    workers.size(),
                    (index, worker) -> sink.addAndGet(Float.floatToRawIntBits(probe.multiplyAdd(rounds))));
            double nanoseconds = System.nanoTime() - start;
            best = Math.max(best, (double) workers.size() * rounds * probe.operationsARound() / nanoseconds);
        }
        return best;
    }

    /** Measures the bandwidth of reading 256 MiB of memory, all workers together, in GB/s. Takes about half a second. */
    public static double measureReadBandwidth(Workers workers) {
        ProbeKernels probe = Kernels.current().probe();
        AtomicInteger sink = new AtomicInteger();
        double best = 0;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate((long) PIECES * PIECE, 64);
            for (int run = 0; run < RUNS; run++) {
                long start = System.nanoTime();
                workers.run(
                        PIECES,
                        (index, worker) -> sink.addAndGet(
                                Float.floatToRawIntBits(probe.read(memory, (long) index * PIECE, PIECE))));
                best = Math.max(best, (double) PIECES * PIECE / (System.nanoTime() - start));
            }
        }
        return best;
    }
}
