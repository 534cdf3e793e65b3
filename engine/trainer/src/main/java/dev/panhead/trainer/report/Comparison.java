package dev.panhead.trainer.report;

import dev.panhead.format.AtomicFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** Some trainings side by side: what they were given that differs, how far they came, and how soon they were as far as each other. */
public final class Comparison {

    /** How many trainings can be told apart at most. */
    public static final int MOST = LossPicture.MOST;

    private static final String GAP = "  ";

    private record Training(String name, TrainingLog log) {

        /** The evaluations of a part, on the way. */
        List<HeldOut> looks() {
            return log.evaluations().stream()
                    .filter(look -> !look.whole() && Double.isFinite(look.loss()))
                    .toList();
        }

        List<HeldOut> timed() {
            return looks().stream()
                    .filter(look -> Double.isFinite(look.at().seconds()))
                    .toList();
        }

        OptionalDouble lowest() {
            return looks().stream().mapToDouble(HeldOut::loss).min();
        }

        /** A figure of the evaluation of all that is held out, at the end; NaN before. */
        double atEnd(ToDoubleFunction<HeldOut> figure) {
            HeldOut result = log.result();
            return result == null || !result.whole() ? Double.NaN : figure.applyAsDouble(result);
        }

        /** Seconds until a loss was reached; NaN if it was not. */
        double secondsTo(double loss) {
            return looks().stream()
                    .filter(look -> look.loss() <= loss)
                    .mapToDouble(look -> look.at().seconds())
                    .findFirst()
                    .orElse(Double.NaN);
        }
    }

    private final List<Training> trainings = new ArrayList<>();

    private Comparison() {}

    /**
     * Reads trainings.
     *
     * @param metrics each one's name and its metrics file, as {@link MetricsFile} writes them, {@value #MOST} at most
     * @throws IllegalArgumentException if there are more
     * @throws IOException if a file cannot be read, or a line is malformed, with file, line and reason
     */
    public static Comparison read(Map<String, Path> metrics) throws IOException {
        if (metrics.size() > MOST) {
            throw new IllegalArgumentException(
                    metrics.size() + " trainings are more than the " + MOST + " whose curves can be told apart");
        }
        Comparison comparison = new Comparison();
        for (Map.Entry<String, Path> entry : metrics.entrySet()) {
            comparison.trainings.add(new Training(entry.getKey(), MetricsReader.read(entry.getValue())));
        }
        return comparison;
    }

    /** A table with a column for each training: options and circumstances as far as they differ, then figures. */
    public String table() {
        List<List<String>> rows = new ArrayList<>();
        row(rows, "", Training::name);
        differing(rows, "data", run -> run.data());
        differing(rows, "tokenizer", run -> run.tokenizer());
        differing(rows, "model_type", run -> run.modelType());
        for (String option : options()) {
            differing(rows, option, run -> run.options().getOrDefault(option, Numbers.NONE));
        }
        differing(rows, "processor", run -> run.processor());
        differing(rows, "threads", run -> Numbers.count(run.threads()));
        row(rows, "steps done", last(point -> Numbers.count(point.step())));
        row(rows, "tokens", last(point -> Numbers.count(point.tokens())));
        row(rows, "time", last(point -> Numbers.duration(point.seconds())));
        row(rows, "tokens a second", training -> Numbers.count(training.log().speed()));
        figure(rows, "held-out loss", 4, training -> training.atEnd(HeldOut::loss));
        figure(rows, "bits a byte", 4, training -> training.atEnd(HeldOut::bitsPerByte));
        figure(rows, "accuracy, %", 2, training -> 100 * training.atEnd(HeldOut::accuracy));
        figure(rows, "held out, in part: lowest", 4, training -> training.lowest()
                .orElse(Double.NaN));
        OptionalDouble common = areOfTheSameTokens() ? common() : OptionalDouble.empty();
        if (common.isPresent()) {
            String label = "time to " + Numbers.decimals(common.getAsDouble(), 4) + " there";
            row(rows, label, training -> Numbers.duration(training.secondsTo(common.getAsDouble())));
        }
        return layOut(rows) + warning();
    }

    /**
     * Draws the held-out losses by the time that was taken.
     *
     * @param png the picture to be written, in a folder that exists
     * @return nothing, or the reason why there is no picture, as the end of a sentence
     * @throws IOException if the file cannot be written
     */
    public Optional<String> draw(Path png) throws IOException {
        List<Curve> curves = trainings.stream()
                .map(training -> Curve.of(training.name(), training.timed(), HeldOut::at, HeldOut::loss))
                .toList();
        String obstacle = LossPicture.obstacle(curves);
        if (obstacle == null) {
            AtomicFile.write(png, LossPicture.png(curves, LossPicture.Across.SECONDS, "held-out loss, nats a token"));
        }
        return Optional.ofNullable(obstacle);
    }

    /** The names of all options that any training was given. */
    private Set<String> options() {
        Set<String> names = new LinkedHashSet<>();
        trainings.forEach(
                training -> names.addAll(training.log().run().options().keySet()));
        names.removeAll(Set.of("data", "model_type")); // they have rows of their own
        return names;
    }

    /** The lowest loss that all of those have reached that have any; none if they are fewer than two. */
    private OptionalDouble common() {
        List<Double> lowest = trainings.stream()
                .flatMap(training -> training.lowest().stream().boxed())
                .toList();
        return lowest.size() < 2
                ? OptionalDouble.empty()
                : lowest.stream().mapToDouble(loss -> loss).max();
    }

    /** Whether all are alike in something that they were given. */
    private boolean areAlike(Function<Run, Object> given) {
        return trainings.stream()
                        .map(training -> given.apply(training.log().run()))
                        .distinct()
                        .count()
                == 1;
    }

    /** Whether a token's losses are of the same tokens. */
    private boolean areOfTheSameTokens() {
        return areAlike(Run::heldOutData) && areAlike(Run::tokenizer) && areAlike(Run::heldOutTokens);
    }

    private static Function<Training, String> last(Function<Point, String> figure) {
        return training -> training.log().last() == null
                ? Numbers.NONE
                : figure.apply(training.log().last());
    }

    private void differing(List<List<String>> rows, String name, Function<Run, String> value) {
        Function<Training, String> text = training -> {
            String given = value.apply(training.log().run());
            return given.isEmpty() ? Numbers.NONE : Markup.shorten(given, 40);
        };
        if (trainings.stream().map(text).distinct().count() > 1) {
            row(rows, name, text);
        }
    }

    /** A row of numbers, where there are any. */
    private void figure(List<List<String>> rows, String name, int decimals, ToDoubleFunction<Training> value) {
        if (trainings.stream().mapToDouble(value).anyMatch(Double::isFinite)) {
            row(rows, name, training -> Numbers.decimals(value.applyAsDouble(training), decimals));
        }
    }

    private void row(List<List<String>> rows, String name, Function<Training, String> value) {
        List<String> row = new ArrayList<>(List.of(name));
        trainings.forEach(training -> row.add(value.apply(training).replace('\u00a0', ' ')));
        rows.add(row);
    }

    private static String layOut(List<List<String>> rows) {
        StringBuilder table = new StringBuilder();
        int[] widths = new int[rows.getFirst().size()];
        rows.forEach(row -> {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        });
        for (List<String> row : rows) {
            table.append(pad(row.getFirst(), widths[0], false));
            for (int i = 1; i < widths.length; i++) {
                table.append(GAP).append(pad(row.get(i), widths[i], true));
            }
            table.append(System.lineSeparator());
        }
        return table.toString();
    }

    private static String pad(String text, int width, boolean right) {
        String space = " ".repeat(width - text.length());
        return right ? space + text : text + space;
    }

    /** What makes the losses less than comparable. */
    private String warning() {
        if (!areOfTheSameTokens()) {
            return (areAlike(Run::heldOutData)
                            ? "What is held out is cut into different tokens: their losses do not compare, bits a byte do."
                            : "What is held out differs: losses a token do not compare; bits a byte do, where the text is alike.")
                    + System.lineSeparator();
        }
        Set<Double> sizes = trainings.stream()
                .map(Training::looks)
                .filter(looks -> !looks.isEmpty())
                .map(looks -> looks.getLast().tokens())
                .collect(Collectors.toCollection(LinkedHashSet::new));
        return sizes.size() < 2
                ? ""
                : "The parts of what is held out are of different sizes: "
                        + sizes.stream().map(Numbers::count).collect(Collectors.joining(", ")) + " tokens."
                        + System.lineSeparator();
    }
}
