package dev.panhead.trainer.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.probe.Machine;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code info}: the machine, the kernels, the measured limits. */
@Command(
        name = "info",
        mixinStandardHelpOptions = true,
        description = "Shows the CPU, the kernels picked for it, and its measured peak and memory bandwidth.",
        footer = {"", "Example: panhead info --json"})
final class InfoCommand implements Callable<Integer> {

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        Map<String, Object> object = new LinkedHashMap<>();
        try (Workers workers = threads.start()) {
            object.put("cpu", Machine.processor());
            object.put("kernel", Machine.kernel());
            object.put("vector_bits", Machine.vectorBits());
            object.put("threads", workers.size());
            object.put("peak_gflops", round(Machine.measurePeak(workers)));
            object.put("bandwidth_gbs", round(Machine.measureReadBandwidth(workers)));
            object.put("java", System.getProperty("java.runtime.version"));
        }
        if (json) {
            System.out.println(JSON.std.asString(object));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%s, Java %s%n%s kernels, %d bits, %d threads%npeak %.1f GFLOP/s float32, read bandwidth %.1f GB/s%n",
                    object.get("cpu"),
                    object.get("java"),
                    object.get("kernel"),
                    object.get("vector_bits"),
                    object.get("threads"),
                    object.get("peak_gflops"),
                    object.get("bandwidth_gbs"));
        }
        return 0;
    }

    private static double round(double value) {
        return Math.round(value * 10) / 10.0;
    }
}
