package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.format.Safetensors;
import dev.panhead.head.GradientMode;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.HeadResult;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code gradients}: what each gradient mode takes, and how far its gradients are from the exact ones. All modes are run in turns with
 * the loss alone, whose time in the same round theirs are divided by.
 */
@Command(
        name = "gradients",
        description = {
            "Measures time and error of each gradient mode, beside the loss alone.",
            "Random numbers are an untrained head, whose probabilities are all small; what a trained one takes, --hidden and --head say."
        },
        mixinStandardHelpOptions = true)
final class GradientsCommand implements Callable<Integer> {

    private static final String LOSS = "loss only";
    private static final String EXACT = "exact";

    /** Rounds until the compiler is done. */
    private static final int WARMING = 2;

    /** About so many exact steps take as long as a round. */
    private static final int STEPS_A_ROUND = 6;

    @Spec
    private CommandSpec spec;

    @Option(names = "--tokens", paramLabel = "T", defaultValue = "1024", description = "${DEFAULT-VALUE} by default.")
    private int tokens;

    @Option(names = "--width", paramLabel = "d", defaultValue = "768", description = "${DEFAULT-VALUE} by default.")
    private int width;

    @Option(
            names = "--vocabulary",
            paramLabel = "V",
            defaultValue = "32000",
            description = "${DEFAULT-VALUE} by default.")
    private int vocabulary;

    @ArgGroup(exclusive = false)
    private RealHead real;

    @Mixin
    private ThreadsOption threads;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "9",
            description = "Rounds in which each mode makes a step; ${DEFAULT-VALUE} by default.")
    private int rounds;

    @Option(names = "--svg", paramLabel = "FILE", description = "Draw the error against the time, too.")
    private Path svg;

    /** Files of a real head, in place of random numbers. */
    private static final class RealHead {
        @Option(
                names = "--hidden",
                paramLabel = "FILE",
                required = true,
                description = "hidden_states and labels, .safetensors; in place of random numbers.")
        private Path hidden;

        @Option(
                names = "--head",
                paramLabel = "FILE",
                required = true,
                description = "lm_head.weight, and lm_head.bias if there is one.")
        private Path head;
    }

    /**
     * A mode's figures.
     *
     * @param family modes that differ in one number
     * @param millis of the rounds
     * @param ratio to the loss alone
     */
    record Row(
            String family,
            String name,
            Range millis,
            Range ratio,
            double entries,
            double tail,
            double hiddenError,
            double weightError) {}

    @Override
    public Integer call() throws IOException {
        Limits.requirePositive(spec, "--tokens", tokens);
        Limits.requirePositive(spec, "--width", width);
        Limits.requirePositive(spec, "--vocabulary", vocabulary);
        Limits.requirePositive(spec, "--rounds", rounds);
        if (svg != null
                && (Files.isDirectory(svg)
                        || !Files.isDirectory(svg.toAbsolutePath().getParent()))) {
            throw new ParameterException(spec.commandLine(), "--svg " + svg + ": is a folder, or not in one");
        }
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(threads.count(1))) {
            List<Row> rows = measure(arena, workers, inputs(arena));
            print(rows);
            if (svg != null) {
                Files.writeString(svg, Plot.svg(ErrorPlot.draw(rows, Palette.LIGHT, Plot.Size.WIDE)));
            }
        }
        return 0;
    }

    private HeadInputs inputs(Arena arena) throws IOException {
        if (real == null) {
            return HeadInputs.of(
                    Data.normal(arena, tokens, width, 1),
                    Data.normal(arena, vocabulary, width, 0.02f),
                    Data.targets(tokens, vocabulary));
        }
        Safetensors states = Safetensors.open(real.hidden, arena);
        Safetensors head = Safetensors.open(real.head, arena);
        Matrix hidden = states.matrix("hidden_states", arena);
        Matrix weight = head.matrix("lm_head.weight", arena);
        tokens = hidden.rows();
        width = hidden.columns();
        vocabulary = weight.rows();
        HeadInputs inputs = HeadInputs.of(hidden, weight, states.targets("labels", arena));
        return head.names().contains("lm_head.bias") ? inputs.withBias(head.matrix("lm_head.bias", arena)) : inputs;
    }

    private static Map<String, GradientMode> modes() {
        Map<String, GradientMode> modes = new LinkedHashMap<>();
        modes.put(EXACT, GradientMode.exact());
        for (int bits : new int[] {6, 8, 10, 12}) {
            modes.put("unbiased 2^-" + bits, GradientMode.unbiased(StrictMath.scalb(1.0, -bits)));
        }
        for (double mass : new double[] {0.1, 0.01}) {
            modes.put("drop " + mass, GradientMode.drop(mass));
        }
        for (int bits : new int[] {6, 8, 10, 12}) {
            modes.put("drop below 2^-" + bits, GradientMode.dropBelow(StrictMath.scalb(1.0, -bits)));
        }
        return modes;
    }

    private List<Row> measure(Arena arena, Workers workers, HeadInputs inputs) {
        HeadOutputs outputs = outputs(arena, inputs);
        Matrix exactHidden = Matrix.allocate(arena, tokens, width);
        Matrix exactWeight = Matrix.allocate(arena, vocabulary, width);
        Map<String, LinearCrossEntropy> heads = new LinkedHashMap<>();
        heads.put(LOSS, head(arena, workers, GradientMode.exact()));
        modes().forEach((name, mode) -> heads.put(name, head(arena, workers, mode)));
        Turns.announce(STEPS_A_ROUND * Turns.seconds(() -> heads.get(EXACT).run(inputs, outputs)) * (WARMING + rounds));
        Map<String, double[]> millis = new LinkedHashMap<>();
        Map<String, Row> rows = new LinkedHashMap<>();
        for (int round = -WARMING; round < rounds; round++) {
            for (Map.Entry<String, LinearCrossEntropy> entry : heads.entrySet()) {
                String name = entry.getKey();
                long start = System.nanoTime();
                HeadResult result = entry.getValue().run(inputs, name.equals(LOSS) ? HeadOutputs.NONE : outputs, round);
                if (round >= 0) {
                    millis.computeIfAbsent(name, key -> new double[rounds])[round] = (System.nanoTime() - start) * 1e-6;
                }
                if (round == rounds - 1) {
                    Matrix hidden =
                            name.equals(LOSS) ? exactHidden : outputs.hidden().into();
                    Matrix weight =
                            name.equals(LOSS) ? exactWeight : outputs.weight().into();
                    if (name.equals(EXACT)) {
                        exactHidden.copyFrom(hidden);
                        exactWeight.copyFrom(weight);
                    }
                    rows.put(
                            name,
                            new Row(
                                    name.replaceAll(" [0-9.^-]+$", ""),
                                    name,
                                    Range.of(millis.get(name)),
                                    Range.ofRatios(millis.get(name), millis.get(LOSS)),
                                    (double) result.gradientEntries() / result.tokens(),
                                    result.tailMass(),
                                    error(hidden, exactHidden),
                                    error(weight, exactWeight)));
                }
            }
        }
        return new ArrayList<>(rows.values());
    }

    private HeadOutputs outputs(Arena arena, HeadInputs inputs) {
        HeadOutputs outputs =
                HeadOutputs.gradients(Matrix.allocate(arena, tokens, width), Matrix.allocate(arena, vocabulary, width));
        return inputs.bias() == null
                ? outputs
                : outputs.withBias(Gradient.write(Matrix.allocate(arena, 1, vocabulary)));
    }

    private LinearCrossEntropy head(Arena arena, Workers workers, GradientMode mode) {
        return new LinearCrossEntropy(
                arena, workers, tokens, vocabulary, width, HeadOptions.DEFAULT.withGradientMode(mode));
    }

    /** |a - exact| / |exact|, by the root of the sum of squares. */
    private static double error(Matrix a, Matrix exact) {
        double difference = 0;
        double size = 0;
        for (int r = 0; r < a.rows(); r++) {
            for (int c = 0; c < a.columns(); c++) {
                double e = exact.get(r, c);
                difference += (a.get(r, c) - e) * (a.get(r, c) - e);
                size += e * e;
            }
        }
        return difference == 0 ? 0 : Math.sqrt(difference / size);
    }

    private void print(List<Row> rows) {
        var out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "T %d, d %d, V %d on %s; %d rounds%n"
                        + "/ loss: time over that of the loss alone; entries: a token's that are multiplied; tail: its probability that is left out;%n"
                        + "errors: relative to the exact gradients, by the root of the sum of squares%n%n%-20s %9s %8s %15s %10s %8s %9s %9s%n",
                tokens,
                width,
                vocabulary,
                Host.team(threads.count(1)),
                rounds,
                "gradient",
                "ms",
                "/ loss",
                "from .. to",
                "entries",
                "tail",
                "dX error",
                "dW error");
        for (Row row : rows) {
            out.printf(
                    Locale.ROOT,
                    "%-20s %9.1f %8.3f %6.3f .. %5.3f %10.1f %8.4f %9.4f %9.4f%n",
                    row.name(),
                    row.millis().median(),
                    row.ratio().median(),
                    row.ratio().min(),
                    row.ratio().max(),
                    row.entries(),
                    row.tail(),
                    row.hiddenError(),
                    row.weightError());
        }
        out.flush();
    }
}
