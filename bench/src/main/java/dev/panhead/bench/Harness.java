package dev.panhead.bench;

import dev.panhead.bench.Trial.Role;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import org.openjdk.jmh.util.Statistics;

/** Runs trials by the benchmark harness, with settings short enough for a report. */
final class Harness {

    /** Compiling the kernels takes seconds where they are many and work is long. */
    private static final int WARM_UPS = 4;

    private static final int LONG_WARM_UPS = 10;
    private static final List<String> LONG = List.of("Gemm", "Head", "Decode");
    private static final TimeValue WARM_UP = TimeValue.milliseconds(350);
    private static final int MEASUREMENTS = 5;

    /** What all else is measured against is worth some more, since memory shared with others is not always as fast. */
    private static final int LIMIT_MEASUREMENTS = 12;

    private static final int MEASUREMENT = 200;

    /** The harness allocates up to this much in an iteration, which its profiler counts with the benchmark's. */
    private static final double OWN_BYTES = 16_384;

    private static final String HEAP = "gc.alloc.rate.norm";

    private final int forks;
    private final Roofs roofs;

    Harness(int forks, Roofs roofs) {
        this.forks = forks;
        this.roofs = roofs;
    }

    /** Runs a trial. */
    Figure run(Trial trial) throws IOException {
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        PrintStream errors = System.err;
        try (PrintStream out = new PrintStream(log, false, StandardCharsets.UTF_8)) {
            System.setErr(out); // what the processes say there matters only if one fails
            Collection<RunResult> results = new Runner(
                            options(trial).build(), OutputFormatFactory.createFormatInstance(out, VerboseMode.NORMAL))
                    .run();
            return figure(trial, results.iterator().next());
        } catch (RunnerException e) {
            throw new IOException(
                    trial.title() + " failed: " + e.getMessage() + System.lineSeparator()
                            + log.toString(StandardCharsets.UTF_8),
                    e);
        } finally {
            System.setErr(errors);
        }
    }

    private ChainedOptionsBuilder options(Trial trial) {
        boolean slow = LONG.stream().anyMatch(trial.benchmark()::startsWith);
        List<String> arguments = new ArrayList<>();
        if (Host.SCALAR.equals(trial.kernel())) {
            arguments.add("-Dpanhead.kernel=" + trial.kernel());
        } else if (trial.kernel() != null) {
            arguments.add("-Dpanhead.vectorBits=" + trial.kernel());
        }
        String name = Harness.class.getPackageName() + "." + trial.benchmark();
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("^" + Pattern.quote(name) + "$")
                .forks(forks)
                .warmupIterations(slow ? LONG_WARM_UPS : WARM_UPS)
                .warmupTime(WARM_UP)
                .measurementIterations(trial.role() == Role.ROOF ? LIMIT_MEASUREMENTS : MEASUREMENTS)
                .measurementTime(TimeValue.milliseconds(MEASUREMENT))
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .jvmArgsAppend(arguments.toArray(String[]::new));
        trial.parameters().forEach(options::param);
        return options;
    }

    private Figure figure(Trial trial, RunResult result) {
        Map<String, ? extends Result<?>> secondary = secondary(result);
        Range gflops = range(secondary.get("gflops"));
        Range gigabytes = range(secondary.get("gigabytes"));
        double operations = result.getPrimaryResult().getScore() * MEASUREMENT / 1000;
        double heapBytes = Math.max(0, secondary.get(HEAP).getScore() - OWN_BYTES / Math.max(1, operations));
        roofs.add(trial, gflops, gigabytes);
        return new Figure(trial, gflops, gigabytes, heapBytes, roofs.over(trial, gflops, gigabytes));
    }

    @SuppressWarnings("unchecked") // the harness's results are raw
    private static Map<String, ? extends Result<?>> secondary(RunResult result) {
        return (Map<String, ? extends Result<?>>) (Map<String, ?>) result.getSecondaryResults();
    }

    private static Range range(Result<?> result) {
        Statistics statistics = result.getStatistics();
        return new Range(statistics.getPercentile(50), statistics.getMin(), statistics.getMax());
    }
}
