package dev.panhead.bench;

import java.awt.BasicStroke;
import java.awt.Color;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.AnnotationText;
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
        left = decade(points.stream().mapToDouble(Figure::intensity).min().orElse(1), false);
        right = decade(points.stream().mapToDouble(Figure::intensity).max().orElse(1), true);
    }

    static XYChart draw(Measurements measurements, Palette palette, Plot.Size size) {
        return new RooflinePlot(measurements, palette, size).draw();
    }

    private static double decade(double value, boolean up) {
        double exponent = Math.log10(value);
        return Math.pow(10, up ? Math.ceil(exponent) : Math.floor(exponent));
    }

    private XYChart draw() {
        XYChart chart = new XYChartBuilder()
                .width(size.width)
                .height(size.height)
                .xAxisTitle("floating-point operations for each byte from or to memory")
                .yAxisTitle("GFLOP/s")
                .build();
        Plot.style(chart.getStyler(), palette);
        chart.getStyler().setXAxisLogarithmic(true);
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setXAxisMin(left);
        chart.getStyler().setXAxisMax(right);
        double lowest = points.stream()
                .mapToDouble(figure -> figure.gflops().median())
                .min()
                .orElse(1);
        int threads = measurements.host().threads();
        chart.getStyler().setYAxisMin(decade(lowest, false));
        chart.getStyler().setYAxisMax(decade(measurements.roofs().peak(threads), true));
        chart.getStyler().setMarkerSize(9);
        Roofs roofs = measurements.roofs();
        double peak = roofs.peak(threads);
        addRoof(chart, "peak and reading", peak, roofs.bandwidth(Bandwidth.READ), SOLID, palette.text());
        addRoof(chart, "updating in place", peak, roofs.bandwidth(Bandwidth.UPDATE), SOLID, palette.muted());
        if (threads > 1) {
            addRoof(chart, "peak of 1 thread", roofs.peak(1), Double.POSITIVE_INFINITY, DASHED, palette.muted());
        }
        addPoints(chart);
        Labels labels = new Labels(chart);
        for (Figure figure : points) {
            labels.add(label(figure), figure.intensity(), figure.gflops().median());
        }
        for (AnnotationText label : labels.place()) {
            chart.addAnnotation(label);
        }
        return chart;
    }

    private static String label(Figure figure) {
        Trial trial = figure.trial();
        return trial.name() + (trial.threads() == 1 ? " (1 thread)" : "");
    }

    /** The diagonal as far as the ridge, where the peak begins; without a bandwidth, the peak alone. */
    private void addRoof(XYChart chart, String name, double peak, double bandwidth, BasicStroke stroke, Color color) {
        double ridge = Math.max(left, peak / bandwidth);
        double start = Math.min(peak, left * bandwidth);
        XYSeries roof = chart.addSeries(name, new double[] {left, ridge, right}, new double[] {start, peak, peak});
        roof.setMarker(SeriesMarkers.NONE);
        roof.setLineColor(color);
        roof.setLineStyle(stroke);
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
