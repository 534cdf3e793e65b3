package dev.panhead.bench.peers;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import dev.panhead.bench.peers.OptionCase.Result;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/** Panhead's errors and libtorch's for all that a head can be asked for, {@link OptionCase}; both in one process, of their own. */
final class OptionErrors {

    static final int THREADS = 2;

    private static final int[] WIDTHS = {128, 768};

    /** How often inputs are drawn: the error of one loss would be luck. */
    private static final int DRAWS = 4;

    private final Workers workers;
    private final List<Map<String, Object>> rows = new ArrayList<>();

    /** Where libtorch has a smaller error of either kind. */
    private final List<String> worseRms = new ArrayList<>();

    private final List<String> worseMax = new ArrayList<>();

    private OptionErrors(Workers workers) {
        this.workers = workers;
    }

    /** Argument: the file that the figures are written to as JSON, if they are. */
    public static void main(String[] arguments) throws IOException {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(THREADS)) {
            OptionErrors errors = new OptionErrors(workers);
            for (int width : WIDTHS) {
                errors.compareAll(arena, width);
            }
            System.out.println("libtorch has a smaller RMS error " + where(errors.worseRms));
            System.out.println("libtorch has a smaller maximum error " + where(errors.worseMax));
            if (arguments.length > 0) {
                Peers.write(errors.rows, Path.of(arguments[0]));
            }
        }
    }

    private static String where(List<String> places) {
        return places.isEmpty() ? "nowhere" : "in: " + String.join("; ", places);
    }

    private void compareAll(Arena arena, int width) throws IOException {
        List<List<OptionCase>> draws = IntStream.range(0, DRAWS)
                .mapToObj(draw -> OptionCase.all(arena, width, draw))
                .toList();
        System.out.printf(
                "T %d, d %d, V %d, %d draws; errors against float64; ratio: libtorch's over Panhead's%n%n",
                OptionCase.TOKENS, width, OptionCase.VOCABULARY, DRAWS);
        System.out.printf(
                "%-26s %-10s %9s %9s %7s %9s %9s %7s%n",
                "option", "result", "rms error", "libtorch", "ratio", "max error", "libtorch", "ratio");
        for (int i = 0; i < draws.getFirst().size(); i++) {
            int index = i;
            compare(draws.stream().map(cases -> cases.get(index)).toList(), width);
        }
        System.out.println();
    }

    /** Compares in the draws of one option. */
    private void compare(List<OptionCase> draws, int width) throws IOException {
        Map<Result, Errors> ours = new EnumMap<>(Result.class);
        Map<Result, Errors> theirs = new EnumMap<>(Result.class);
        for (OptionCase option : draws) {
            Map<Result, double[]> exact = OptionOracle.compute(option.inputs(), option.options(), workers);
            addErrors(panhead(option), exact, ours);
            addErrors(libTorch(option), exact, theirs);
        }
        String name = draws.getFirst().name();
        ours.forEach((result, errors) -> report(name, width, result, errors, theirs.get(result)));
    }

    private static void addErrors(
            Map<Result, double[]> computed, Map<Result, double[]> exact, Map<Result, Errors> errors) {
        computed.forEach((result, values) -> {
            Errors sums = errors.computeIfAbsent(result, none -> new Errors());
            for (int i = 0; i < values.length; i++) {
                sums.add(values[i], exact.get(result)[i]);
            }
        });
    }

    private void report(String option, int width, Result result, Errors ours, Errors theirs) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("option", option);
        row.put("width", width);
        row.put("result", result.label);
        row.put("panhead_max_rel_error", ours.max());
        row.put("peer_max_rel_error", theirs.max());
        row.put("panhead_rms_rel_error", ours.rms());
        row.put("peer_rms_rel_error", theirs.rms());
        rows.add(row);
        double rmsRatio = theirs.rms() / ours.rms();
        double maxRatio = theirs.max() / ours.max();
        System.out.printf(
                Locale.ROOT,
                "%-26s %-10s %9.1e %9.1e %7.2f %9.1e %9.1e %7.2f%n",
                option,
                result.label,
                ours.rms(),
                theirs.rms(),
                rmsRatio,
                ours.max(),
                theirs.max(),
                maxRatio);
        String place = option + ", " + result.label + " at d " + width;
        if (!(rmsRatio >= 1)) {
            worseRms.add(String.format(Locale.ROOT, "%s (%.2f)", place, rmsRatio));
        }
        if (!(maxRatio >= 1)) {
            worseMax.add(String.format(Locale.ROOT, "%s (%.2f)", place, maxRatio));
        }
    }

    private Map<Result, double[]> panhead(OptionCase option) {
        HeadInputs inputs = option.inputs();
        int tokens = inputs.hidden().rows();
        int width = inputs.hidden().columns();
        int vocabulary = inputs.weight().rows();
        try (Arena arena = Arena.ofShared()) {
            Matrix hidden = Matrix.allocate(arena, tokens, width);
            Matrix weight = Matrix.allocate(arena, vocabulary, width);
            Matrix bias = Matrix.allocate(arena, 1, vocabulary);
            Matrix each = Matrix.allocate(arena, 1, tokens);
            HeadOutputs outputs =
                    HeadOutputs.gradients(hidden, weight).withBias(inputs.bias() == null ? null : Gradient.write(bias));
            outputs = switch (option.value()) {
                case LOSSES -> outputs.withLosses(each);
                case LOG_PROBABILITIES -> outputs.withLogProbabilities(each);
                case ENTROPIES -> outputs.withEntropies(each);
                default -> outputs;
            };
            double loss = new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, option.options())
                    .run(inputs, outputs)
                    .loss();
            Map<Result, double[]> results = new EnumMap<>(Result.class);
            results.put(option.value(), option.value() == Result.LOSS ? new double[] {loss} : doubles(each.toArray()));
            results.put(Result.HIDDEN_GRADIENT, doubles(hidden.toArray()));
            results.put(Result.WEIGHT_GRADIENT, doubles(weight.toArray()));
            if (inputs.bias() != null) {
                results.put(Result.BIAS_GRADIENT, doubles(bias.toArray()));
            }
            return results;
        }
    }

    private static Map<Result, double[]> libTorch(OptionCase option) throws IOException {
        try (NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
                GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            Map<String, NDArray> inputs = tensors(manager, option.inputs());
            Map<Result, NDArray> leaves = new EnumMap<>(Result.class);
            leaves.put(Result.HIDDEN_GRADIENT, inputs.get("hidden"));
            leaves.put(Result.WEIGHT_GRADIENT, inputs.get("weight"));
            if (inputs.containsKey("bias")) {
                leaves.put(Result.BIAS_GRADIENT, inputs.get("bias"));
            }
            leaves.values().forEach(leaf -> leaf.setRequiresGradient(true));
            NDArray value = TorchScript.evaluate(manager, option.torchFunction(), inputs);
            Matrix upstream = option.upstream();
            collector.backward(
                    upstream == null
                            ? value
                            : value.mul(tensor(manager, upstream)).sum());
            Map<Result, double[]> results = new EnumMap<>(Result.class);
            results.put(option.value(), doubles(value.toFloatArray()));
            leaves.forEach((result, leaf) ->
                    results.put(result, doubles(leaf.getGradient().toFloatArray())));
            return results;
        }
    }

    /** The inputs that there are, by their names in {@link OptionCase#torch}. */
    private static Map<String, NDArray> tensors(NDManager manager, HeadInputs inputs) {
        Map<String, ReadableMatrix> matrices = new LinkedHashMap<>();
        matrices.put("hidden", inputs.hidden());
        matrices.put("weight", inputs.weight());
        matrices.put("bias", inputs.bias());
        matrices.put("class_weights", inputs.classWeights());
        matrices.put("token_weights", inputs.tokenWeights());
        matrices.put("logit_scales", inputs.logitScales());
        matrices.values().removeIf(Objects::isNull);
        Map<String, NDArray> tensors = new LinkedHashMap<>();
        matrices.forEach((name, matrix) -> tensors.put(name, tensor(manager, matrix)));
        if (inputs.softTargets() != null) {
            tensors.put("soft", dense(manager, inputs));
        }
        Ints targets = inputs.targets();
        tensors.put(
                "targets",
                manager.create(IntStream.range(0, targets.size())
                        .mapToLong(targets::get)
                        .toArray()));
        return tensors;
    }

    /** A teacher's probabilities as PyTorch wants them, T x V. */
    private static NDArray dense(NDManager manager, HeadInputs inputs) {
        Matrix probabilities = inputs.softProbabilities();
        int vocabulary = inputs.weight().rows();
        float[] values = new float[probabilities.rows() * vocabulary];
        for (int i = 0; i < inputs.softTargets().size(); i++) {
            int token = i / probabilities.columns();
            int row = inputs.softTargets().get(i);
            values[token * vocabulary + row] = probabilities.get(token, i % probabilities.columns());
        }
        return manager.create(values, new Shape(probabilities.rows(), vocabulary));
    }

    /** A matrix in float32; or a vector, for what Panhead has as a row. */
    private static NDArray tensor(NDManager manager, ReadableMatrix matrix) {
        int columns = matrix.columns();
        float[] values = new float[matrix.rows() * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = matrix.get(i / columns, i % columns);
        }
        return manager.create(values, matrix.rows() == 1 ? new Shape(columns) : new Shape(matrix.rows(), columns));
    }

    private static double[] doubles(float[] floats) {
        double[] doubles = new double[floats.length];
        for (int i = 0; i < floats.length; i++) {
            doubles[i] = floats[i];
        }
        return doubles;
    }
}
