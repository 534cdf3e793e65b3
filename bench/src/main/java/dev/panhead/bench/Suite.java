package dev.panhead.bench;

import dev.panhead.bench.Trial.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the report measures, in order: the roofs first. */
final class Suite {

    /** Rows of logits: enough to be far larger than caches. */
    private static final String ROWS = "512";

    private static final String VOCABULARY = "8000";
    private static final int[] DECODED = {1, 2, 4, 8, 16};

    private final List<Trial> trials = new ArrayList<>();
    private final int threads;

    private Suite(int threads) {
        this.threads = threads;
    }

    static List<Trial> trials(Host host) {
        Suite suite = new Suite(host.threads());
        suite.addLimits();
        suite.addWidths(host);
        suite.addKernels();
        suite.addFunctions();
        suite.addProducts();
        suite.addHead();
        suite.addOptimizers();
        suite.addDecoding();
        return List.copyOf(suite.trials);
    }

    private void addLimits() {
        String group = "Limits";
        String peak = "PeakBenchmark.multiplyAdd";
        add(group, "multiply-adds", peak, Map.of(), 1, null, null, Role.ROOF);
        if (threads > 1) {
            add(group, "multiply-adds", peak, Map.of(), threads, null, null, Role.ROOF);
        }
        for (Bandwidth bandwidth : Bandwidth.values()) {
            String benchmark = "BandwidthBenchmark." + bandwidth.label();
            add(group, "memory, " + bandwidth.label(), benchmark, Map.of(), threads, null, bandwidth, Role.ROOF);
        }
    }

    private void addWidths(Host host) {
        for (String kernel : host.kernels()) {
            String width = kernel.equals(Host.SCALAR) ? kernel : kernel + " bits";
            add("Widths", "peak, " + width, "PeakBenchmark.multiplyAdd", Map.of(), 1, kernel, null, Role.WIDTH);
            add("Widths", "micro-kernel, " + width, "KernelBenchmark.microKernel", null, 1, kernel, null, Role.WIDTH);
        }
    }

    private void addKernels() {
        String group = "Kernels";
        add(group, "micro-kernel", "KernelBenchmark.microKernel", null, 1, null, null, Role.WORK);
        work(group, "packing, broadcast side", "PackingBenchmark.broadcast", Map.of(), threads, Bandwidth.READ);
        work(group, "packing, vector side", "PackingBenchmark.vector", Map.of(), threads, Bandwidth.READ);
    }

    private void addFunctions() {
        String group = "Functions";
        Map<String, String> cached = Map.of("rows", "16", "columns", "4096", "cached", "true");
        Map<String, String> large = Map.of("rows", ROWS);
        work(group, "exp in cache", "ElementBenchmark.exp", cached, 1, null);
        work(group, "log in cache", "ElementBenchmark.log", cached, 1, null);
        work(group, "exp", "ElementBenchmark.exp", large, threads, Bandwidth.COPY);
        work(group, "log", "ElementBenchmark.log", large, threads, Bandwidth.COPY);
        work(group, "log-softmax", "ElementBenchmark.logSoftmax", large, threads, Bandwidth.COPY);
    }

    private void addProducts() {
        String group = "Matrix products";
        Map<String, String> shape = Map.of("vocabulary", VOCABULARY);
        for (int team : threads > 1 ? new int[] {1, threads} : new int[] {1}) {
            work(group, "Gemm forward", "GemmBenchmark.forward", shape, team, Bandwidth.COPY);
            work(group, "Gemm dX", "GemmBenchmark.hiddenGradient", shape, team, Bandwidth.COPY);
            work(group, "Gemm dW", "GemmBenchmark.weightGradient", shape, team, Bandwidth.COPY);
        }
    }

    private void addHead() {
        Map<String, String> shape = Map.of("vocabulary", VOCABULARY);
        work("Head", "head loss", "HeadBenchmark.loss", shape, threads, Bandwidth.READ);
        work("Head", "head step", "HeadBenchmark.step", shape, threads, Bandwidth.COPY);
    }

    private void addOptimizers() {
        work("Optimizers", "SGD", "OptimizerBenchmark.sgd", Map.of(), threads, Bandwidth.UPDATE);
        work("Optimizers", "AdamW", "OptimizerBenchmark.adamW", Map.of(), threads, Bandwidth.UPDATE);
    }

    private void addDecoding() {
        for (int tokens : DECODED) {
            Map<String, String> parameters = Map.of("tokens", Integer.toString(tokens));
            String benchmark = "DecodeBenchmark.logProbabilities";
            work("Decoding", "decode T = " + tokens, benchmark, parameters, threads, Bandwidth.READ);
        }
    }

    private void work(
            String group,
            String name,
            String benchmark,
            Map<String, String> parameters,
            int threads,
            Bandwidth bandwidth) {
        add(group, name, benchmark, parameters, threads, null, bandwidth, Role.WORK);
    }

    /** Parameters are null where the benchmark has none, not even the number of threads. */
    private void add(
            String group,
            String name,
            String benchmark,
            Map<String, String> parameters,
            int threads,
            String kernel,
            Bandwidth bandwidth,
            Role role) {
        Map<String, String> all = new TreeMap<>();
        if (parameters != null) {
            all.putAll(parameters);
            all.put("threads", Integer.toString(threads));
        }
        trials.add(new Trial(group, name, benchmark, all, threads, kernel, bandwidth, role));
    }
}
