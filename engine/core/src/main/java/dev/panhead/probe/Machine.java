package dev.panhead.probe;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.ProbeKernels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The machine, the kernels picked for it, and its measured limits. Stateless; measurements want the machine to themselves. */
public final class Machine {

    private static final int RUNS = 12;
    private static final int ROUNDS = 2_000_000;
    private static final int PIECE = 1 << 20;
    private static final long LEAST_BYTES = 256L << 20;
    private static final long MOST_BYTES = 1L << 30;
    private static final Path CACHES = Path.of("/sys/devices/system/cpu/cpu0/cache");

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

    /**
     * A cache that data pass through.
     *
     * @param level 1 for the one next to the core
     * @param bytes its size
     * @param sharedBy how many processors share it
     */
    public record Cache(int level, long bytes, int sharedBy) {}

    /** The first processor's caches of data, by level; empty where the system does not tell (it is Linux that does). */
    public static List<Cache> caches() {
        try (Stream<Path> folders = Files.list(CACHES)) {
            return folders.filter(folder -> folder.getFileName().toString().startsWith("index"))
                    .map(Machine::cache)
                    .filter(Objects::nonNull)
                    .sorted(Comparator.comparingInt(Cache::level))
                    .toList();
        } catch (IOException | UncheckedIOException | NumberFormatException e) {
            return List.of();
        }
    }

    private static Cache cache(Path folder) {
        if (line(folder, "type").equals("Instruction")) {
            return null;
        }
        String size = line(folder, "size"); // "1024K"
        long bytes = Long.parseLong(size.substring(0, size.length() - 1)) << (size.endsWith("M") ? 20 : 10);
        int sharedBy = 0;
        for (String range : line(folder, "shared_cpu_list").split(",")) { // "0-3,8-11"
            String[] ends = range.split("-");
            sharedBy += Integer.parseInt(ends[ends.length - 1]) - Integer.parseInt(ends[0]) + 1;
        }
        return new Cache(Integer.parseInt(line(folder, "level")), bytes, sharedBy);
    }

    private static String line(Path folder, String file) {
        try {
            return Files.readString(folder.resolve(file)).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * How many bytes to go through when memory is to be measured and not the caches: four times what all last level caches
     * together hold, from 256 MiB to 1 GiB, in whole MiB.
     */
    public static long bytesBeyondCaches() {
        List<Cache> caches = caches();
        long cached = 0;
        if (!caches.isEmpty()) {
            Cache last = caches.getLast();
            int instances = Math.ceilDiv(Runtime.getRuntime().availableProcessors(), last.sharedBy());
            cached = instances * last.bytes();
        }
        return Math.clamp(4 * cached, LEAST_BYTES, MOST_BYTES) / PIECE * PIECE;
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

    /**
     * Measures the bandwidth of reading {@link #bytesBeyondCaches} of memory, all workers together, in GB/s. Takes about half a
     * second.
     */
    public static double measureReadBandwidth(Workers workers) {
        ProbeKernels probe = Kernels.current().probe();
        AtomicInteger sink = new AtomicInteger();
        double best = 0;
        try (Arena arena = Arena.ofShared()) {
            long bytes = bytesBeyondCaches();
            int pieces = (int) (bytes / PIECE);
            MemorySegment memory = arena.allocate(bytes, 64);
            for (int run = 0; run < RUNS; run++) {
                long start = System.nanoTime();
                workers.run(
                        pieces,
                        (index, worker) -> sink.addAndGet(
                                Float.floatToRawIntBits(probe.read(memory, (long) index * PIECE, PIECE))));
                best = Math.max(best, (double) bytes / (System.nanoTime() - start));
            }
        }
        return best;
    }
}
