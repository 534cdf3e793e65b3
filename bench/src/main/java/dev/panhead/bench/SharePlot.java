package dev.panhead.bench;

import dev.panhead.bench.Trial.Role;
import java.util.List;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;

/** Bars: how much of its roof each piece of work reaches. */
final class SharePlot {

    private static final int UPRIGHT = 90;
    private static final double WHOLE = 100;
    private static final double STEP = 20;

    private SharePlot() {}

    static CategoryChart draw(Measurements measurements, Palette palette, Plot.Size size) {
        CategoryChart chart = new CategoryChartBuilder()
                .width(size.width)
                .height(size.height)
                .yAxisTitle("% of the roof")
                .build();
        Plot.style(chart.getStyler(), palette, size);
        chart.getStyler().setAvailableSpaceFill(0.7);
        chart.getStyler().setPlotGridVerticalLinesVisible(false);
        chart.getStyler().setXAxisLabelRotation(UPRIGHT);
        chart.getStyler().setYAxisMin(0.0);
        chart.getStyler().setYAxisDecimalPattern("0");
        chart.getStyler().setOverlapped(true);
        List<Figure> work = measurements.figures().stream()
                .filter(figure -> figure.trial().role() == Role.WORK)
                .toList();
        double most = work.stream().mapToDouble(Figure::share).max().orElse(1);
        chart.getStyler().setYAxisMax(Math.max(WHOLE, STEP * Math.ceil(WHOLE * most / STEP)));
        List<String> names = work.stream().map(figure -> figure.trial().title()).toList();
        addBars(chart, "bound by multiply-adds", false, work, names, palette.series(0));
        addBars(chart, "bound by memory", true, work, names, palette.series(1));
        return chart;
    }

    /** Every series names all the categories, and leaves the others' empty. */
    private static void addBars(
            CategoryChart chart,
            String name,
            boolean memory,
            List<Figure> work,
            List<String> names,
            java.awt.Color color) {
        List<Double> shares = work.stream()
                .map(figure -> figure.isMemoryBound() == memory ? WHOLE * figure.share() : null)
                .toList();
        chart.addSeries(name, names, shares).setFillColor(color);
    }
}
