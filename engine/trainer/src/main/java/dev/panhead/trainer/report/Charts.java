package dev.panhead.trainer.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** The page's charts: of what there are figures for. The page's script draws them from {@link #json}. */
final class Charts {

    /** How many times its smallest a figure's largest is where its axis becomes logarithmic. */
    private static final double LOGARITHMIC = 10;

    /** Whether a chart shows the training or the machine at work, and so takes the page's width or half of it. */
    private enum Size {
        WIDE,
        HALF
    }

    /** How the vertical axis is laid out. */
    private enum Axis {
        FITTING,
        FROM_ZERO,
        /** Fitting, where the figures are all alike or not all positive. */
        LOGARITHMIC
    }

    private record Chart(String id, String title, String unit, Size size, Axis axis, List<Curve> curves) {}

    private final TrainingLog log;
    private final List<Chart> charts = new ArrayList<>();

    Charts(TrainingLog log) {
        this.log = log;
        add("loss", "Loss", "nats a token", Size.WIDE, Axis.FITTING, losses(log));
        add(
                "bits",
                "Bits a byte",
                "",
                Size.HALF,
                Axis.FITTING,
                List.of(
                        training("training", Point::bitsPerByte),
                        heldOut("held out", false, HeldOut::bitsPerByte),
                        heldOut("held out, whole", true, HeldOut::bitsPerByte)));
        add(
                "accuracy",
                "Accuracy",
                "% of the tokens",
                Size.HALF,
                Axis.FITTING,
                List.of(
                        heldOut("held out", false, evaluation -> 100 * evaluation.accuracy()),
                        heldOut("held out, whole", true, evaluation -> 100 * evaluation.accuracy())));
        addTraining("rate", "Learning rate", "", Axis.FROM_ZERO, Point::learningRate);
        addTraining("norm", "Gradient norm", "before clipping", Axis.LOGARITHMIC, Point::gradientNorm);
        addTraining(
                "density",
                "Gradient density",
                "% of the entries",
                Axis.LOGARITHMIC,
                point -> 100 * point.gradientDensity());
        addTraining("kept", "Kept mass", "% of the gradient", Axis.FITTING, point -> 100 * point.keptMass());
        addTraining("speed", "Speed", "tokens a second", Axis.FROM_ZERO, Point::tokensPerSecond);
    }

    /** The curves of the loss, some of them maybe empty. */
    static List<Curve> losses(TrainingLog log) {
        return List.of(
                Curve.of("training", log.points(), point -> point, Point::loss),
                heldOut(log, "held out", false, HeldOut::loss),
                heldOut(log, "held out, whole", true, HeldOut::loss));
    }

    private Curve training(String label, ToDoubleFunction<Point> figure) {
        return Curve.of(label, log.points(), point -> point, figure);
    }

    private Curve heldOut(String label, boolean whole, ToDoubleFunction<HeldOut> figure) {
        return heldOut(log, label, whole, figure);
    }

    private static Curve heldOut(TrainingLog log, String label, boolean whole, ToDoubleFunction<HeldOut> figure) {
        List<HeldOut> evaluations = log.evaluations().stream()
                .filter(evaluation -> evaluation.whole() == whole)
                .toList();
        return Curve.of(label, evaluations, HeldOut::at, figure);
    }

    private void addTraining(String id, String title, String unit, Axis axis, ToDoubleFunction<Point> figure) {
        add(id, title, unit, Size.HALF, axis, List.of(training("training", figure)));
    }

    private void add(String id, String title, String unit, Size size, Axis axis, List<Curve> curves) {
        List<Curve> drawn = curves.stream().filter(curve -> !curve.isEmpty()).toList();
        if (!drawn.isEmpty()) {
            Axis fit = axis == Axis.LOGARITHMIC && !spans(drawn) ? Axis.FITTING : axis;
            charts.add(new Chart(id, title, unit, size, fit, drawn));
        }
    }

    private static boolean spans(List<Curve> curves) {
        double least = Double.POSITIVE_INFINITY;
        double most = 0;
        for (Curve curve : curves) {
            for (Curve.Value value : curve.finite()) {
                least = Math.min(least, value.figure());
                most = Math.max(most, value.figure());
            }
        }
        return least > 0 && most / least >= LOGARITHMIC;
    }

    boolean isEmpty() {
        return charts.isEmpty();
    }

    /** The curves and where the training was resumed, as JSON that may stand in a script element. */
    String json() throws IOException {
        boolean timed = log.points().stream().allMatch(point -> Double.isFinite(point.seconds()));
        List<Map<String, Object>> objects = new ArrayList<>();
        for (Chart chart : charts) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("id", chart.id());
            object.put("axis", chart.axis().name().toLowerCase(Locale.ROOT));
            object.put(
                    "curves",
                    chart.curves().stream().map(curve -> curve.json(timed)).toList());
            objects.add(object);
        }
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("timed", timed);
        json.put("resumes", log.resumes().stream().map(Point::step).toList());
        json.put("charts", objects);
        return JSON.std.asString(json).replace("<", "\\u003c");
    }

    /** The places of the charts. */
    String html() {
        StringBuilder html = new StringBuilder();
        for (Chart chart : charts) {
            html.append("""
                    <figure class="chart %s" id="%s">
                    <figcaption><h3>%s%s</h3><p class="readout" aria-hidden="true"></p></figcaption>
                    <div class="plot" role="img" aria-label="%s"></div>
                    </figure>
                    """.formatted(
                            chart.size() == Size.WIDE ? "wide" : "half",
                            chart.id(),
                            chart.title(),
                            chart.unit().isEmpty() ? "" : " <small>" + chart.unit() + "</small>",
                            Markup.line(inWords(chart))));
        }
        return html.toString();
    }

    private static String inWords(Chart chart) {
        StringBuilder words = new StringBuilder(chart.title());
        if (!chart.unit().isEmpty()) {
            words.append(" (").append(chart.unit()).append(')');
        }
        words.append(chart.axis() == Axis.LOGARITHMIC ? ", logarithmic, by step." : " by step.");
        for (Curve curve : chart.curves()) {
            List<Curve.Value> values = curve.finite();
            Curve.Value first = values.getFirst();
            Curve.Value last = values.getLast();
            words.append(chart.curves().size() == 1 ? " From " : " " + curve.label() + ": from ")
                    .append(Numbers.significant(first.figure(), 4))
                    .append(" at step ")
                    .append(Numbers.count(first.step()))
                    .append(" to ")
                    .append(Numbers.significant(last.figure(), 4))
                    .append(" at step ")
                    .append(Numbers.count(last.step()))
                    .append('.');
        }
        return words.append(" The table of figures has more.").toString();
    }
}
