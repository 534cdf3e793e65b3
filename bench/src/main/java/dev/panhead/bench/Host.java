package dev.panhead.bench;

import dev.panhead.probe.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The machine, and what computes on it.
 *
 * @param processor its model
 * @param processors how many there are
 * @param caches of the first processor, by level; empty if unknown
 * @param java version of the virtual machine
 * @param kernel "vector" or "scalar"
 * @param bits width of the vectors
 * @param threads how many the report uses
 */
record Host(
        String processor,
        int processors,
        List<Machine.Cache> caches,
        String java,
        String kernel,
        int bits,
        int threads) {

    static final String SCALAR = "scalar";

    /** What a process needs for vectors. */
    static final String ADD_VECTORS = "--add-modules=jdk.incubator.vector";

    /** Threads beyond which nothing is to be had: some for each processor. */
    static int mostThreads() {
        return 4 * Runtime.getRuntime().availableProcessors();
    }

    /** Asks the machine, and a process with vectors which kernels it picks: this one may have been started without. */
    static Host find(int threads) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add(ADD_VECTORS);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), KernelName.class.getName()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String answer;
        try (InputStream out = process.getInputStream()) {
            answer = new String(out.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
        if (process.waitFor() != 0) {
            throw new IOException("no kernels can be had; to see why: " + String.join(" ", command));
        }
        String[] words = answer.split(" ");
        return new Host(
                Machine.processor(),
                Runtime.getRuntime().availableProcessors(),
                Machine.caches(),
                System.getProperty("java.runtime.version"),
                words[0],
                Integer.parseInt(words[1]),
                threads);
    }

    /** The kernels to compare: scalars, and vectors of each width the machine has. */
    List<String> kernels() {
        List<String> kernels = new ArrayList<>(List.of(SCALAR));
        for (int width = 128; width <= bits; width *= 2) {
            kernels.add(Integer.toString(width));
        }
        return kernels;
    }

    /** A number of threads in words. */
    static String team(int threads) {
        return threads == 1 ? "1 thread" : threads + " threads";
    }

    /** The caches in words. */
    String cachesInWords() {
        List<String> words = new ArrayList<>();
        for (Machine.Cache cache : caches) {
            String size = cache.bytes() >= 1 << 20 ? (cache.bytes() >> 20) + " MiB" : (cache.bytes() >> 10) + " KiB";
            String sharing = cache.sharedBy() > 1 ? ", shared by " + cache.sharedBy() + " processors" : "";
            words.add("L" + cache.level() + " " + size + sharing);
        }
        return words.isEmpty() ? "unknown" : String.join("; ", words);
    }
}
