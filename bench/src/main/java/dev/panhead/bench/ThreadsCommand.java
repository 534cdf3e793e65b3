package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.ProbeKernels;
import dev.panhead.tensor.Matrix;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code threads}: how many times as fast steps are on several threads as on one. In the same rounds multiply-adds on registers say how many
 * times as fast the machine itself is: processors share their clock, their power and, in the cloud, themselves.
 */
@Command(
        name = "threads",
        description = "Measures what steps gain from threads, beside what the machine gains.",
        mixinStandardHelpOptions = true)
final class ThreadsCommand implements Callable<Integer> {

    /** Multiply-adds of some 80 ms. */
    private static final int PROBE_ROUNDS = 2_000_000;

    /** Scalars, which are as much slower. */
    private static final int SCALAR_PROBE_ROUNDS = PROBE_ROUNDS / 10;

    private static final int WARMING_ROUNDS = 3;
    private static final int FEWEST_ROUNDS = 5;

    /** Wide heads and narrow ones, large vocabularies and a small one. */
    private static final List<Shape> SHAPES = List.of(
            new Shape(1024, 768, 32000),
            new Shape(1024, 768, 50257),
            new Shape(512, 896, 151936),
            new Shape(4096, 128, 32000),
            new Shape(8192, 64, 8192),
            new Shape(16384, 256, 512));

    @Spec
    private CommandSpec spec;

    @ArgGroup(exclusive = false)
    private Shape shape;

    @Mixin
    private ThreadsOption threads;

    @Option(
            names = "--seconds",
            paramLabel = "N",
            defaultValue = "20",
            description = "For each shape, but at least " + FEWEST_ROUNDS + " rounds; ${DEFAULT-VALUE} by default.")
    private int seconds;

    /** The size of a step. */
    private static final class Shape {

        @Option(
                names = "--tokens",
                paramLabel = "T",
                required = true,
                description = "One shape, in place of six that differ.")
        private int tokens;

        @Option(names = "--width", paramLabel = "d", required = true)
        private int width;

        @Option(names = "--vocabulary", paramLabel = "V", required = true)
        private int vocabulary;

        /** For the command line to fill. */
        Shape() {}

        Shape(int tokens, int width, int vocabulary) {
            this.tokens = tokens;
            this.width = width;
            this.vocabulary = vocabulary;
        }
    }

    @Override
    public Integer call() {
        int count = threads.count(2);
        Limits.requirePositive(spec, "--seconds", seconds);
        List<Shape> shapes = shape == null ? SHAPES : List.of(shape);
        for (Shape step : shapes) {
            Limits.requirePositive(spec, "--tokens", step.tokens);
            Limits.requirePositive(spec, "--width", step.width);
            Limits.requirePositive(spec, "--vocabulary", step.vocabulary);
        }
        Turns.announce(1.3 * shapes.size() * seconds);
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                "loss, dX and dW on one thread and on %d, in turns; multiply-adds on registers beside them%n%n", count);
        out.printf(
                "%-20s %7s %9s %9s %7s %14s %10s %14s%n",
                "T x d x V", "rounds", "ms on 1", "on " + count, "ratio", "from .. to", "machine's", "from .. to");
        out.flush();
        try (Workers one = new Workers(1);
                Workers all = new Workers(count)) {
            shapes.forEach(step -> measure(step, one, all));
        }
        return 0;
    }

    private void measure(Shape step, Workers one, Workers all) {
        try (Arena arena = Arena.ofShared()) {
            HeadInputs inputs = HeadInputs.of(
                    Data.normal(arena, step.tokens, step.width, 1),
                    Data.normal(arena, step.vocabulary, step.width, 0.02f),
                    Data.targets(step.tokens, step.vocabulary));
            HeadOutputs outputs = HeadOutputs.gradients(
                    Matrix.allocate(arena, step.tokens, step.width),
                    Matrix.allocate(arena, step.vocabulary, step.width));
            LinearCrossEntropy alone = head(arena, one, step);
            LinearCrossEntropy together = head(arena, all, step);
            Runnable[] runs = {
                probe(one), probe(all), () -> alone.run(inputs, outputs), () -> together.run(inputs, outputs)
            };
            double[][] warming = Turns.measure(WARMING_ROUNDS, runs);
            double round = Arrays.stream(warming)
                    .mapToDouble(turns -> turns[WARMING_ROUNDS - 1])
                    .sum();
            double[][] millis = Turns.measure(Math.max((int) (1e3 * seconds / round), FEWEST_ROUNDS), runs);
            Arrays.setAll(millis[1], i -> millis[1][i] / all.size()); // each thread has made as many
            print(step, millis);
        }
    }

    private static LinearCrossEntropy head(Arena arena, Workers workers, Shape step) {
        return new LinearCrossEntropy(arena, workers, step.tokens, step.vocabulary, step.width, HeadOptions.DEFAULT);
    }

    private static Runnable probe(Workers workers) {
        ProbeKernels kernels = Kernels.current().probe();
        int probeRounds = Host.SCALAR.equals(Kernels.current().name()) ? SCALAR_PROBE_ROUNDS : PROBE_ROUNDS;
        float[] results = new float[workers.size()];
        Workers.Task task = (index, worker) -> results[worker] = kernels.multiplyAdd(probeRounds);
        return () -> workers.run(workers.size(), task);
    }

    private void print(Shape step, double[][] millis) {
        Range machine = Range.ofRatios(millis[0], millis[1]);
        Range ratio = Range.ofRatios(millis[2], millis[3]);
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "%-20s %7d %9.1f %9.1f %7.3f %5.3f .. %5.3f %10.3f %5.3f .. %5.3f%n",
                "%d x %d x %d".formatted(step.tokens, step.width, step.vocabulary),
                millis[0].length,
                Range.of(millis[2]).median(),
                Range.of(millis[3]).median(),
                ratio.median(),
                ratio.min(),
                ratio.max(),
                machine.median(),
                machine.min(),
                machine.max());
        out.flush();
    }
}
