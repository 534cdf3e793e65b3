package dev.panhead.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code cold}: how long a process that has just been started takes for its first step, and to come near its steady speed, without
 * and with an ahead-of-time cache.
 *
 * <p>Times run from just before the process is started, by this one's clock: the start that a Java process can find out about
 * itself leaves out part of it, or is rounded.
 */
@Command(
        name = ColdCommand.NAME,
        description =
                "Measures fresh processes: the time to the end of the first step, and to 80 %% of the steady speed.",
        mixinStandardHelpOptions = true)
final class ColdCommand implements Callable<Integer> {

    static final String NAME = "cold";

    private static final int MOST_RUNS = 100;
    private static final int MOST_SECONDS = 600;

    /** Steps whose median counts as the speed at the time. */
    private static final int WINDOW = 5;

    private static final double NEAR = 0.8;

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--runs",
            paramLabel = "N",
            defaultValue = "5",
            description = "Processes without, and as many with the cache; ${DEFAULT-VALUE} by default.")
    private int runs;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "12",
            description = "How long each makes steps; ${DEFAULT-VALUE} by default.")
    private int seconds;

    @Mixin
    private ThreadsOption threads;

    @Option(names = "-J", paramLabel = "OPTION", description = "An option for Java, such as -J-XX:+UseSerialGC.")
    private List<String> javaOptions = new ArrayList<>();

    @Option(names = "--no-aot", description = "Leave out the cache.")
    private boolean withoutCache;

    /**
     * What a process's steps say.
     *
     * @param begin seconds from the process's start to the first step's
     * @param first seconds from the process's start to the first step's end
     * @param near seconds to the end of the first window whose speed is near the steady one
     * @param good seconds to the end of the first window from which on it stays so, whatever else the machine does
     * @param steady median of the steps in the last quarter, in seconds
     */
    private record Run(double begin, double first, double near, double good, double steady) {

        /** From the times when the first step began and each one ended, in microseconds. */
        static Run of(long start, long[] times) {
            double[] steps = new double[times.length - 1];
            for (int i = 0; i < steps.length; i++) {
                steps[i] = 1e-6 * (times[i + 1] - times[i]);
            }
            long lastQuarter = times[0] + (times[steps.length] - times[0]) / 4 * 3;
            int from = Arrays.binarySearch(times, lastQuarter);
            double steady = Range.of(Arrays.copyOfRange(
                            steps, Math.min(from < 0 ? -from - 1 : from, steps.length - 1), steps.length))
                    .median();
            int near = Math.min(WINDOW, steps.length);
            while (near < steps.length && !isNear(steps, near, steady)) {
                near++;
            }
            int good = steps.length + 1;
            while (good > Math.max(near, WINDOW) && isNear(steps, good - 1, steady)) {
                good--;
            }
            good = Math.min(good, steps.length);
            return new Run(
                    1e-6 * (times[0] - start),
                    1e-6 * (times[1] - start),
                    1e-6 * (times[near] - start),
                    1e-6 * (times[good] - start),
                    steady);
        }

        /** Whether the window of steps that ends before one is near the steady speed. */
        private static boolean isNear(double[] steps, int end, double steady) {
            return Range.of(Arrays.copyOfRange(steps, end - WINDOW, end)).median() <= steady / NEAR;
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Limits.require(spec, "--runs", runs, 1, MOST_RUNS);
        Limits.require(spec, "--seconds", seconds, 1, MOST_SECONDS);
        System.out.printf(
                "loss, dX and dW at T %d, d %d, V %d on %s, %d processes each; from the process's start%n",
                ColdStart.TOKENS, ColdStart.WIDTH, ColdStart.VOCABULARY, Host.team(threads.count(1)), runs);
        measure("without a cache", List.of());
        if (!withoutCache) {
            Path folder = Files.createTempDirectory("panhead-cold");
            Path cache = folder.resolve("head.aot");
            try {
                start(List.of("-XX:AOTCacheOutput=" + cache));
                measure(
                        "with an AOT cache of %.0f MB".formatted(1e-6 * Files.size(cache)),
                        List.of("-XX:AOTCache=" + cache));
            } finally {
                Files.deleteIfExists(cache);
                Files.delete(folder);
            }
        }
        return 0;
    }

    private void measure(String title, List<String> options) throws IOException, InterruptedException {
        List<Run> measured = new ArrayList<>();
        for (int i = 0; i < runs; i++) {
            measured.add(start(options));
        }
        System.out.printf(Locale.ROOT, "%n%-28s %9s %9s %9s%n", title, "median", "min", "max");
        show("first step begins, s", measured, Run::begin);
        show("first step ends, s", measured, Run::first);
        show("80 % of steady speed, s", measured, Run::near);
        show("80 % of it for good, s", measured, Run::good);
        show("steady step, ms", measured, run -> 1e3 * run.steady());
    }

    private static void show(String name, List<Run> measured, ToDoubleFunction<Run> value) {
        Range range = Range.of(measured.stream().mapToDouble(value).toArray());
        System.out.printf(Locale.ROOT, "  %-26s %9.2f %9.2f %9.2f%n", name, range.median(), range.min(), range.max());
    }

    private Run start(List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add(Host.ADD_VECTORS);
        command.addAll(javaOptions);
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ColdStart.class.getName()));
        command.addAll(List.of(Integer.toString(threads.count(1)), Integer.toString(seconds)));
        Path errors = Files.createTempFile("panhead-cold", ".txt");
        long start = ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
        Process process =
                new ProcessBuilder(command).redirectError(errors.toFile()).start();
        try (BufferedReader lines = process.inputReader()) {
            long[] times = lines.lines()
                    .filter(line -> line.matches("[0-9]+"))
                    .mapToLong(Long::parseLong)
                    .toArray();
            int exit = process.waitFor();
            if (exit != 0 || times.length < 2) {
                throw new IOException("the process ended with " + exit + ": " + Files.readString(errors));
            }
            return Run.of(start, times);
        } finally {
            process.destroy();
            Files.delete(errors);
        }
    }
}
