package dev.panhead.bench;

import java.awt.BasicStroke;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.knowm.xchart.style.Styler;

/** What the plots have in common. */
final class Plot {

    /** Points of the type, at the size that the plot is drawn for. */
    static final int FONT = 13;

    /** Letters are drawn as outlines, to millionths of a pixel: hundredths do. */
    private static final Pattern DECIMALS = Pattern.compile("(\\.\\d\\d)\\d+");

    private Plot() {}

    /** Two sizes, so that labels are legible on a telephone, too. */
    enum Size {
        WIDE(960, 560),
        NARROW(400, 540);

        final int width;
        final int height;

        Size(int width, int height) {
            this.width = width;
            this.height = height;
        }

        /** As the page's style calls it. */
        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The house's style: no frames, quiet lines. */
    static void style(AxesChartStyler styler, Palette palette, Size size) {
        Font font = new Font(Font.SANS_SERIF, Font.PLAIN, FONT);
        styler.setLocale(Locale.ROOT);
        styler.setChartBackgroundColor(palette.background());
        styler.setPlotBackgroundColor(palette.background());
        styler.setPlotBorderVisible(false);
        styler.setChartFontColor(palette.text());
        styler.setChartPadding(8);
        styler.setChartTitleVisible(false);
        styler.setLegendBackgroundColor(palette.background());
        styler.setLegendBorderColor(palette.background());
        styler.setLegendFont(font);
        styler.setLegendPadding(12);
        styler.setLegendPosition(Styler.LegendPosition.OutsideS);
        styler.setLegendLayout(size == Size.WIDE ? Styler.LegendLayout.Horizontal : Styler.LegendLayout.Vertical);
        styler.setAxisTitleFont(font);
        styler.setXAxisTitleColor(palette.text());
        styler.setYAxisTitleColor(palette.text());
        styler.setAxisTickLabelsFont(font);
        styler.setAxisTickLabelsColor(palette.text());
        styler.setAxisTickMarksColor(palette.muted());
        styler.setPlotGridLinesColor(palette.grid());
        styler.setPlotGridLinesStroke(new BasicStroke(1));
        styler.setAnnotationTextFont(font);
        styler.setAnnotationTextFontColor(palette.text());
    }

    static String svg(Chart<?, ?> chart) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        VectorGraphicsEncoder.saveVectorGraphic(chart, out, VectorGraphicsFormat.SVG);
        return DECIMALS.matcher(out.toString(StandardCharsets.UTF_8)).replaceAll("$1");
    }
}
