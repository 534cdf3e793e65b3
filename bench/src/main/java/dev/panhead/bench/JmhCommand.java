package dev.panhead.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Unmatched;

/** {@code jmh}: the harness itself, with all its options. */
@Command(
        name = "jmh",
        description =
                "Runs the benchmarks by the harness's own command line. Beside its operations a second stand the secondary"
                        + " figures gflops and gigabytes, which are GFLOP/s and GB/s.",
        footer = {
            "",
            "Examples: panhead-bench jmh GemmBenchmark -p threads=1 -prof gc",
            "          panhead-bench jmh KernelBenchmark -jvmArgsAppend -Dpanhead.vectorBits=256",
            "Its options: panhead-bench jmh -h"
        })
final class JmhCommand implements Callable<Integer> {

    private static final String FAIL_ON_ERROR = "-foe";

    @Spec
    private CommandSpec spec;

    @Option(names = "--help", usageHelp = true, description = "Show this help message and exit.")
    private boolean help;

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (arguments.contains("-t")) {
            throw new ParameterException(
                    spec.commandLine(), "-t would run a benchmark on itself; the number of threads is -p threads=N");
        }
        List<String> all = new ArrayList<>(arguments);
        if (!all.contains(FAIL_ON_ERROR)) {
            all.addAll(List.of(FAIL_ON_ERROR, "true"));
        }
        org.openjdk.jmh.Main.main(all.toArray(String[]::new));
        return 0;
    }
}
