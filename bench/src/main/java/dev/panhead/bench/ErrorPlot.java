package dev.panhead.bench;

import dev.panhead.bench.GradientsCommand.Row;
import java.util.List;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** How far the gradients of each mode are from the exact ones, against the time that they take. */
final class ErrorPlot {

    private static final float LINE = 2;

    private ErrorPlot() {}

    static XYChart draw(List<Row> rows, Palette palette, Plot.Size size) {
        XYChart chart = new XYChartBuilder()
                .width(size.width)
                .height(size.height)
                .xAxisTitle("time of loss and gradients / time of the loss")
                .yAxisTitle("relative error of dX")
                .build();
        Plot.style(chart.getStyler(), palette, size);
        chart.getStyler().setYAxisLogarithmic(true);
        chart.getStyler().setXAxisMin(1.0);
        List<String> families = rows.stream()
                .filter(row -> row.hiddenError() > 0)
                .map(Row::family)
                .distinct()
                .toList();
        for (String family : families) {
            List<Row> members = rows.stream()
                    .filter(row -> row.family().equals(family) && row.hiddenError() > 0)
                    .toList();
            XYSeries series = chart.addSeries(
                    family,
                    members.stream().mapToDouble(row -> row.ratio().median()).toArray(),
                    members.stream().mapToDouble(Row::hiddenError).toArray());
            series.setMarker(SeriesMarkers.CIRCLE);
            series.setMarkerColor(palette.series(families.indexOf(family)));
            series.setLineColor(palette.series(families.indexOf(family)));
            series.setLineWidth(LINE);
        }
        return chart;
    }
}
