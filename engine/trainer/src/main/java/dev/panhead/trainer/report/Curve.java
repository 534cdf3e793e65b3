package dev.panhead.trainer.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * One line of a chart: a figure by step and time.
 *
 * @param label its name
 * @param points what it goes through, ascending
 */
record Curve(String label, List<Value> points) {

    /** Points that a line has at most: more than a screen has columns to show them in. */
    private static final int MOST = 1500;

    /** A figure of a step; NaN, for one that was not finite, is a gap. */
    record Value(long step, double seconds, double figure) {}

    /** The curve of a figure. Where it is NaN all along, the curve has no points. */
    static <T> Curve of(String label, List<T> of, Function<T, Point> at, ToDoubleFunction<T> figure) {
        List<Value> values = new ArrayList<>();
        boolean some = false;
        for (T element : of) {
            double value = figure.applyAsDouble(element);
            some |= Double.isFinite(value);
            Point point = at.apply(element);
            values.add(new Value(point.step(), point.seconds(), Double.isFinite(value) ? value : Double.NaN));
        }
        return new Curve(label, some ? thin(values) : List.of());
    }

    /** Keeps the lowest and the highest of each run of neighbours, the first and the last: no spike gets lost. */
    private static List<Value> thin(List<Value> values) {
        if (values.size() <= MOST) {
            return values;
        }
        int runs = MOST / 2 - 1;
        List<Value> thinned = new ArrayList<>();
        thinned.add(values.getFirst());
        for (int i = 0; i < runs; i++) {
            int from = 1 + (int) ((long) i * (values.size() - 2) / runs);
            int to = 1 + (int) ((long) (i + 1) * (values.size() - 2) / runs);
            keepExtremes(values, from, to, thinned);
        }
        thinned.add(values.getLast());
        return thinned;
    }

    private static void keepExtremes(List<Value> values, int from, int to, List<Value> kept) {
        int lowest = from;
        int highest = from;
        for (int i = from + 1; i < to; i++) {
            double figure = values.get(i).figure();
            if (figure < values.get(lowest).figure()
                    || Double.isNaN(values.get(lowest).figure())) {
                lowest = i;
            }
            if (figure > values.get(highest).figure()
                    || Double.isNaN(values.get(highest).figure())) {
                highest = i;
            }
        }
        kept.add(values.get(Math.min(lowest, highest)));
        if (lowest != highest) {
            kept.add(values.get(Math.max(lowest, highest)));
        }
    }

    boolean isEmpty() {
        return points.isEmpty();
    }

    /** The points that are no gaps. */
    List<Value> finite() {
        return points.stream().filter(point -> Double.isFinite(point.figure())).toList();
    }

    /** For the page's script: three arrays of the same length, null for a gap. */
    Map<String, Object> json(boolean timed) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("label", label);
        json.put("steps", points.stream().map(Value::step).toList());
        if (timed) {
            json.put(
                    "seconds",
                    points.stream().map(point -> rounded(point.seconds())).toList());
        }
        List<Double> figures = new ArrayList<>();
        points.forEach(point -> figures.add(rounded(point.figure())));
        json.put("values", figures);
        return json;
    }

    private static Double rounded(double value) {
        return Double.isFinite(value) ? new BigDecimal(value, new MathContext(6)).doubleValue() : null;
    }
}
