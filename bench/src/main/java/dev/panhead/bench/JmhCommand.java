package dev.panhead.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** {@code jmh}: the harness itself, with all its options. */
@Command(
        name = JmhCommand.NAME,
        description = "Runs the benchmarks by the harness's own command line.",
        footer = {
            "",
            "Examples: panhead-bench jmh GemmBenchmark -p threads=1 -prof gc",
            "          panhead-bench jmh KernelBenchmark -jvmArgsAppend -Dpanhead.vectorBits=256",
            "Its options: panhead-bench jmh -h"
        })
final class JmhCommand implements Callable<Integer> {

    static final String NAME = "jmh";

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        org.openjdk.jmh.Main.main(arguments.toArray(String[]::new));
        return 0;
    }
}
