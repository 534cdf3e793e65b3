package dev.panhead.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** {@code jmh}: the harness itself, with all its options. */
@Command(
        name = "jmh",
        description = "Runs the benchmarks by the harness's own command line.",
        footer = {
            "",
            "Example: panhead-bench jmh GemmBenchmark -p threads=1 -prof gc",
            "Its options: panhead-bench jmh -h"
        })
final class JmhCommand implements Callable<Integer> {

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        org.openjdk.jmh.Main.main(arguments.toArray(String[]::new));
        return 0;
    }
}
