package dev.panhead.bench;

import dev.panhead.bench.Labels.Side;
import java.awt.BasicStroke;
import java.awt.Color;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The roofline: GFLOP/s over arithmetic intensity, both logarithmic, each piece of work a point under the machine's roofs. */
final class RooflinePlot {

    private static final Marker[] MARKERS = {
        SeriesMarkers.CIRCLE,
        SeriesMarkers.SQUARE,
        SeriesMarkers.DIAMOND,
        SeriesMarkers.TRIANGLE_UP,
        SeriesMarkers.TRIANGLE_DOWN
    };

    private static final BasicStroke SOLID = new BasicStroke(2);
    private static final BasicStroke DASHED =
            new BasicStroke(1.5f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, new float[] {6, 4}, 0);

    /** Room between the outermost points and the frame. */
    private static final double ROOM = 1.3;

    private record Line(String name, double[] x, double[] y, BasicStroke stroke, Color color, Side side) {}

    private final Measurements measurements;
    private final List<Figure> points;
    private final Palette palette;
    private final Plot.Size size;
    private final double left;
    private final double right;

    private RooflinePlot(Measurements measurements, Palette palette, Plot.Size size) {
        this.measurements = measurements;
        this.palette = palette;
        this.size = size;
        points = measurements.figures().stream().filter(Figure::isInRoofline).toList();
        left = round(points.stream().mapToDouble(Figure::intensity).min().orElse(1), false);
        right = round(points.stream().mapToDouble(Figure::intensity).max().orElse(1), true);
    }

    static XYChart draw(Measurements measurements, Palette palette, Plot.Size size) {
        return new RooflinePlot(measurements, palette, size).draw();
    }

    /** The next of 1, 2 and 5 times a power of ten, with some room between. */
    private static double round(double value, boolean up) {
        double wanted = up ? value * ROOM : value / ROOM;
        double decade = Math.pow(10, Math.floor(Math.log10(wanted)));
        double rounded = up ? 10 * decade : decade;
        for (double step : new double[] {2 * decade, 5 * decade}) {
            if (up && step >= wanted) {
                rounded = Math.min(rounded, step);
            } else if (!up && step <= wanted) {
                rounded = step;
            }
        }
        return rounded;
    }

    private XYChart draw() {
        Roofs roofs = measurements.roofs();
        double peak = roofs.peak(measurements.host().threads());
        boolean labelled = size == Plot.Size.WIDE; // where there is no room for names, colours tell the groups
        XYChart chart = new XYChartBuilder()
                .width(size.width)
                .height(size.height)
                .xAxisTitle("floating-point operations a byte of memory traffic")
                .yAxisTitle("GFLOP/s")
                .build();
        Plot.style(chart.getStyler(), palette, size);
        chart.getStyler().setLegendVisible(!labelled);
        chart.getStyler().setMarkerSize(9);
        chart.getStyler().setXAxisLogarithmic(true);
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setXAxisMin(left);
        chart.getStyler().setXAxisMax(right);
        chart.getStyler().setYAxisMin(round(slowest(), false));
        chart.getStyler().setYAxisMax(round(peak, true));
        List<Line> lines = lines(roofs, peak);
        for (Line line : lines) {
            XYSeries roof = chart.addSeries(line.name, line.x, line.y);
            roof.setShowInLegend(false);
            roof.setMarker(SeriesMarkers.NONE);
            roof.setLineColor(line.color);
            roof.setLineStyle(line.stroke);
        }
        addPoints(chart);
        Labels labels = new Labels(chart);
        for (Figure figure : points) {
            String title = labelled ? figure.trial().title() : "";
            labels.addPoint(title, figure.intensity(), figure.gflops().median());
        }
        for (Line line : lines) {
            labels.addLine(line.name, line.x, line.y, line.side);
        }
        labels.place().forEach(chart::addAnnotation);
        return chart;
    }

    private double slowest() {
        return points.stream()
                .mapToDouble(figure -> figure.gflops().median())
                .min()
                .orElse(1);
    }

    /** The roofs: two bandwidths, which between them have the others, and the peaks. */
    private List<Line> lines(Roofs roofs, double peak) {
        double read = roofs.bandwidth(Bandwidth.READ);
        double update = roofs.bandwidth(Bandwidth.UPDATE);
        double most = Math.max(read, update);
        int threads = measurements.host().threads();
        List<Line> lines = new ArrayList<>();
        Side side = update > read ? Side.ABOVE : Side.BELOW;
        Side other = update > read ? Side.BELOW : Side.ABOVE;
        lines.add(diagonal(Bandwidth.UPDATE, update, peak, palette.muted(), side));
        lines.add(diagonal(Bandwidth.READ, read, peak, palette.text(), other));
        lines.add(level(threads, peak, most, SOLID, palette.text(), Side.ABOVE));
        if (threads > 1) {
            lines.add(level(1, roofs.peak(1), most, DASHED, palette.muted(), Side.BELOW));
        }
        return lines;
    }

    /** A bandwidth's roof, as far as the ridge where the peak begins. */
    private Line diagonal(Bandwidth bandwidth, double value, double peak, Color color, Side side) {
        double ridge = Math.max(left, peak / value);
        String name = String.format(Locale.ROOT, "%s %.0f GB/s", bandwidth.label(), value);
        double[] x = {left, ridge};
        double[] y = {Math.min(peak, left * value), peak};
        return new Line(name, x, y, SOLID, color, side);
    }

    /** A peak's roof, from the ridge of a bandwidth on. */
    private Line level(int threads, double peak, double bandwidth, BasicStroke stroke, Color color, Side side) {
        double[] x = {Math.max(left, peak / bandwidth), right};
        double[] y = {peak, peak};
        return new Line(
                String.format(Locale.ROOT, "%s %.0f GFLOP/s", Host.team(threads), peak), x, y, stroke, color, side);
    }

    private void addPoints(XYChart chart) {
        Map<String, List<Figure>> groups = new LinkedHashMap<>();
        for (Figure figure : points) {
            groups.computeIfAbsent(figure.trial().group(), key -> new ArrayList<>())
                    .add(figure);
        }
        int index = 0;
        for (Map.Entry<String, List<Figure>> group : groups.entrySet()) {
            XYSeries series = chart.addSeries(
                    group.getKey(),
                    group.getValue().stream().mapToDouble(Figure::intensity).toArray(),
                    group.getValue().stream()
                            .mapToDouble(figure -> figure.gflops().median())
                            .toArray());
            series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter);
            series.setMarker(MARKERS[index % MARKERS.length]);
            series.setMarkerColor(palette.series(index));
            index++;
        }
    }
}
