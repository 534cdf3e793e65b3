package dev.panhead.bench;

import dev.panhead.bench.Trial.Role;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;

/** Bars: the peak and the micro-kernel, one thread, by width of the vectors. */
final class WidthPlot {

    private WidthPlot() {}

    static CategoryChart draw(Measurements measurements, Palette palette, Plot.Size size) {
        CategoryChart chart = new CategoryChartBuilder()
                .width(size.width)
                .height(size.height * 3 / 4)
                .xAxisTitle("width of the vectors")
                .yAxisTitle("GFLOP/s, one thread")
                .build();
        Plot.style(chart.getStyler(), palette, size);
        chart.getStyler().setAvailableSpaceFill(0.6);
        chart.getStyler().setPlotGridVerticalLinesVisible(false);
        chart.getStyler().setYAxisDecimalPattern("0");
        Map<String, List<String>> widths = new LinkedHashMap<>();
        Map<String, List<Double>> values = new LinkedHashMap<>();
        for (Figure figure : measurements.figures()) {
            if (figure.trial().role() == Role.WIDTH) {
                String[] parts = figure.trial().name().split(", ");
                widths.computeIfAbsent(parts[0], key -> new ArrayList<>()).add(parts[1]);
                values.computeIfAbsent(parts[0], key -> new ArrayList<>())
                        .add(figure.gflops().median());
            }
        }
        int index = 0;
        for (Map.Entry<String, List<Double>> entry : values.entrySet()) {
            chart.addSeries(entry.getKey(), widths.get(entry.getKey()), entry.getValue())
                    .setFillColor(palette.series(index++));
        }
        return chart;
    }
}
