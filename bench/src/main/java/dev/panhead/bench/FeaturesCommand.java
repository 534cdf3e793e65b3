package dev.panhead.bench;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.head.Reduction;
import dev.panhead.head.SoftTargets;
import dev.panhead.optim.AdamW;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code features}: what each thing that a head can be asked for costs over a plain step, loss and both gradients (with an optimizer's
 * step, where one is fused). The plain step is measured beside each, in turns, and the ratios' median counts: the machine's moods pass.
 */
@Command(
        name = "features",
        description = "Measures what each option and output of a head adds to a plain step.",
        mixinStandardHelpOptions = true)
final class FeaturesCommand implements Callable<Integer> {

    /** Steps of each until the compiler is done. */
    private static final int WARMING = 4;

    /** Top rows, and entries of a teacher's distribution. */
    private static final int TOP = 10;

    private static final int TAUGHT = 32;

    /** Rows from one of those entries to the next. */
    private static final int APART = 37;

    /** So low that the weight stays what it is. */
    private static final double RATE = 1e-9;

    @Spec
    private CommandSpec spec;

    @Option(names = "--tokens", paramLabel = "T", defaultValue = "1024", description = "${DEFAULT-VALUE} by default.")
    private int tokens;

    @Option(names = "--width", paramLabel = "d", defaultValue = "768", description = "${DEFAULT-VALUE} by default.")
    private int width;

    @Option(
            names = "--vocabulary",
            paramLabel = "V",
            defaultValue = "50257",
            description = "${DEFAULT-VALUE} by default.")
    private int vocabulary;

    @Mixin
    private ThreadsOption threads;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "9",
            description = "Pairs of steps for each feature; ${DEFAULT-VALUE} by default.")
    private int rounds;

    /** What is measured, and what beside it. */
    private record Feature(Runnable step, Runnable beside) {}

    private final Map<String, Feature> features = new LinkedHashMap<>();
    private Runnable plain;

    @Override
    public Integer call() {
        requireSizes();
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(threads.count(1))) {
            prepare(arena, workers);
            Turns.announce(1.1 * Turns.seconds(plain) * features.size() * (WARMING + 2 * rounds));
            PrintWriter out = spec.commandLine().getOut();
            out.printf(
                    Locale.ROOT,
                    "loss, dX and dW at T %d, d %d, V %d on %s; %d pairs of steps each%n"
                            + "ratio: to a plain step beside it (fused: to a step and AdamW after it), median, least and largest%n%n",
                    tokens,
                    width,
                    vocabulary,
                    Host.team(threads.count(1)),
                    rounds);
            out.printf(Locale.ROOT, "%-28s %10s %8s %16s%n", "feature", "ms", "ratio", "from .. to");
            out.flush();
            for (int i = 0; i < WARMING; i++) {
                features.values().stream().map(Feature::beside).distinct().forEach(Runnable::run);
                features.values().stream().map(Feature::step).forEach(Runnable::run);
            }
            features.forEach(this::measure);
        }
        return 0;
    }

    private void requireSizes() {
        Limits.requirePositive(spec, "--tokens", tokens);
        Limits.requirePositive(spec, "--width", width);
        Limits.requireAtLeast(spec, "--vocabulary", vocabulary, APART * TAUGHT);
        Limits.requirePositive(spec, "--rounds", rounds);
    }

    private void prepare(Arena arena, Workers workers) {
        Matrix weight = Data.normal(arena, vocabulary, width, 0.02f);
        Matrix weightGradient = Matrix.allocate(arena, vocabulary, width);
        HeadInputs inputs =
                HeadInputs.of(Data.normal(arena, tokens, width, 1), weight, Data.targets(tokens, vocabulary));
        HeadOutputs outputs = HeadOutputs.gradients(Matrix.allocate(arena, tokens, width), weightGradient);
        Matrix tokenNumbers = ones(arena, tokens);
        Matrix classNumbers = ones(arena, vocabulary);
        Matrix figures = Matrix.allocate(arena, 1, tokens);
        Ints ids = Ints.allocate(arena, tokens);
        BitSet all = new BitSet();
        all.set(0, tokens);
        HeadOptions options = HeadOptions.DEFAULT;
        LinearCrossEntropy head = head(arena, workers, options);
        plain = () -> head.run(inputs, outputs);
        add("plain", plain);
        Map<String, UnaryOperator<HeadInputs>> read = new LinkedHashMap<>();
        read.put("bias", in -> in.withBias(classNumbers));
        read.put("mask", in -> in.withMask(all));
        read.put("token weights", in -> in.withTokenWeights(tokenNumbers));
        read.put("class weights", in -> in.withClassWeights(classNumbers));
        read.put("logit scales", in -> in.withLogitScales(tokenNumbers));
        read.forEach((name, with) -> {
            HeadInputs changed = with.apply(inputs);
            add(name, () -> head.run(changed, outputs));
        });
        Map<String, HeadOptions> chosen = new LinkedHashMap<>();
        chosen.put("label smoothing", options.withLabelSmoothing(0.1));
        chosen.put("z-loss", options.withZLoss(1e-4));
        chosen.put("soft cap", options.withSoftcap(30));
        chosen.put("soft cap and smoothing", options.withSoftcap(30).withLabelSmoothing(0.1));
        chosen.put("logit scale", options.withLogitScale(0.7f));
        chosen.forEach((name, others) -> {
            LinearCrossEntropy other = head(arena, workers, others);
            add(name, () -> other.run(inputs, outputs));
        });
        Map<String, HeadOutputs> written = new LinkedHashMap<>();
        written.put("log-probabilities", outputs.withLogProbabilities(figures));
        written.put("entropies", outputs.withEntropies(figures));
        written.put("predictions", outputs.withPredictions(ids));
        written.put("ranks", outputs.withRanks(ids));
        LinearCrossEntropy apart = head(arena, workers, options.withReduction(Reduction.NONE));
        HeadInputs policy = inputs.withLogProbabilityUpstream(tokenNumbers).withEntropyUpstream(tokenNumbers);
        add("gradient of entropies", () -> apart.run(policy, outputs));
        written.forEach((name, more) -> add(name, () -> head.run(inputs, more)));
        Ints topRows = Ints.allocate(arena, TOP * tokens);
        HeadOutputs top = outputs.withTopRows(topRows).withTopLogProbabilities(Matrix.allocate(arena, tokens, TOP));
        LinearCrossEntropy ranking = head(arena, workers, options.withTopK(TOP));
        add("top rows, " + TOP, () -> ranking.run(inputs, top));
        LinearCrossEntropy pupil = head(arena, workers, options.withSoftTargets(SoftTargets.of(TAUGHT)));
        HeadInputs taught = taught(arena, inputs);
        add("soft targets, " + TAUGHT, () -> pupil.run(taught, outputs));
        HeadInputs halves = HeadInputs.of(
                inputs.hidden(), HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, weight), inputs.targets());
        add("bfloat16 weight", () -> head.run(halves, outputs));
        LinearCrossEntropy lean = head(arena, workers, options.withLean(true));
        add("lean", () -> lean.run(inputs, outputs));
        fuse(arena, workers, inputs, weight, weightGradient, outputs.hidden());
    }

    /** A step of AdamW in the gradient's pass, beside one after it. */
    private void fuse(
            Arena arena,
            Workers workers,
            HeadInputs inputs,
            Matrix weight,
            Matrix weightGradient,
            HeadOutputs.Gradient hidden) {
        AdamW optimizer = new AdamW(workers, 0.9, 0.95, 1e-8, 0);
        AdamW.Moments moments = AdamW.Moments.allocate(arena, vocabulary, width);
        AdamW.Slices slices = optimizer.slices(weight, moments);
        HeadOutputs outputs = HeadOutputs.NONE.withHidden(hidden);
        HeadOutputs whole = outputs.withWeight(HeadOutputs.Gradient.write(weightGradient));
        HeadOutputs fused = outputs.withWeightUpdate(slices);
        Map<String, HeadOptions> chosen = new LinkedHashMap<>();
        chosen.put("AdamW fused", HeadOptions.DEFAULT);
        chosen.put("AdamW fused, lean", HeadOptions.DEFAULT.withLean(true));
        LinearCrossEntropy head = head(arena, workers, HeadOptions.DEFAULT);
        Runnable apart = () -> {
            head.run(inputs, whole);
            optimizer.update(weight, weightGradient, moments, 1, RATE, 1);
        };
        chosen.forEach((name, options) -> {
            LinearCrossEntropy fusing = head(arena, workers, options.withFusedUpdate(true));
            features.put(
                    name,
                    new Feature(
                            () -> {
                                slices.prepare(1, RATE);
                                fusing.run(inputs, fused);
                            },
                            apart));
        });
    }

    private void add(String name, Runnable step) {
        features.put(name, new Feature(step, plain));
    }

    /** The inputs with a teacher's distributions. */
    private HeadInputs taught(Arena arena, HeadInputs inputs) {
        Ints rows = Ints.allocate(arena, TAUGHT * tokens);
        Matrix probabilities = Matrix.allocate(arena, tokens, TAUGHT);
        for (int i = 0; i < rows.size(); i++) {
            int token = i / TAUGHT;
            int j = i % TAUGHT;
            rows.set(i, (int) ((inputs.targets().get(token) + (long) APART * j) % vocabulary));
            probabilities.set(token, j, 0.9f / TAUGHT);
        }
        return inputs.withSoftTargets(rows, probabilities);
    }

    private LinearCrossEntropy head(Arena arena, Workers workers, HeadOptions options) {
        return new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, options);
    }

    private static Matrix ones(Arena arena, int count) {
        Matrix row = Matrix.allocate(arena, 1, count);
        row.fill(1);
        return row;
    }

    private void measure(String name, Feature feature) {
        double[][] millis = Turns.measure(rounds, feature.beside(), feature.step());
        Range ratio = Range.ofRatios(millis[1], millis[0]);
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%-28s %10.1f %8.3f %7.3f .. %5.3f%n",
                        name,
                        Range.of(millis[1]).median(),
                        ratio.median(),
                        ratio.min(),
                        ratio.max());
        spec.commandLine().getOut().flush();
    }
}
