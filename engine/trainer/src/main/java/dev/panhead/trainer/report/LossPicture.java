package dev.panhead.trainer.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.font.FontRenderContext;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import javax.imageio.ImageIO;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Curves of the loss as a picture, in the page's light colours. */
final class LossPicture {

    private static final int WIDTH = 1200;
    private static final int HEIGHT = 640;
    private static final int SCALE = 2;
    private static final int FONT_SIZE = 16;

    private static final Color BACKGROUND = Color.WHITE;
    private static final Color TEXT = new Color(0x1f2328);
    private static final Color MUTED = new Color(0x59636e);
    private static final Color GRID = new Color(0xe1e4e8);
    private static final Color[] CURVES = {
        new Color(0x0b63b0),
        new Color(0xb35900),
        new Color(0x0f766e),
        new Color(0x8a2f8f),
        new Color(0xa11d33),
        new Color(0x4f5d2f)
    };

    /** How many curves can be told apart at most. */
    static final int MOST = 6;

    /** What the curves go along. */
    enum Across {
        STEPS("step", Curve.Value::step),
        SECONDS("seconds", Curve.Value::seconds);

        private final String title;
        private final ToDoubleFunction<Curve.Value> place;

        Across(String title, ToDoubleFunction<Curve.Value> place) {
            this.title = title;
            this.place = place;
        }
    }

    private LossPicture() {}

    /** Why there can be no picture, as the end of a sentence, or null: many a server has no fonts, or no library that reads them. */
    static String obstacle(List<Curve> curves) {
        if (curves.stream().allMatch(Curve::isEmpty)) {
            return "no loss has been noted yet";
        }
        // a server's display, if it seems to have one, is none of the picture's concern
        if (System.getProperty("java.awt.headless") == null) {
            System.setProperty("java.awt.headless", "true");
        }
        try {
            new Font(Font.SANS_SERIF, Font.PLAIN, FONT_SIZE)
                    .getStringBounds("loss", new FontRenderContext(null, true, true));
            return null;
        } catch (Error | RuntimeException e) { // the JDK throws what its libraries make it
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            String reason = cause.getMessage() == null ? cause.toString() : cause.getMessage();
            return "this Java cannot draw text (" + reason + "); fonts and fontconfig help";
        }
    }

    /** The picture of {@value #MOST} curves at most as a PNG file's content; there must be no {@link #obstacle}. */
    static byte[] png(List<Curve> curves, Across across, String title) throws IOException {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH)
                .height(HEIGHT)
                .xAxisTitle(across.title)
                .yAxisTitle(title)
                .build();
        style(chart.getStyler());
        boolean some = curves.stream()
                .flatMap(curve -> curve.points().stream())
                .anyMatch(value -> across.place.applyAsDouble(value) > 0);
        chart.getStyler().setXAxisMin(some ? 0.0 : null);
        for (int i = 0; i < curves.size(); i++) {
            List<Curve.Value> values = curves.get(i).finite();
            if (!values.isEmpty()) {
                XYSeries series = chart.addSeries(
                        curves.get(i).label(),
                        values.stream().mapToDouble(across.place).toArray(),
                        values.stream().mapToDouble(Curve.Value::figure).toArray());
                series.setLineColor(CURVES[i]);
                series.setLineStyle(new BasicStroke(2.5f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
                series.setMarkerColor(CURVES[i]);
                series.setMarker(values.size() == 1 ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
            }
        }
        return encode(chart);
    }

    /** Draws at a screen's double resolution, and lines where they are: they would else be moved to whole pixels. */
    private static byte[] encode(XYChart chart) throws IOException {
        BufferedImage image = new BufferedImage(SCALE * WIDTH, SCALE * HEIGHT, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.scale(SCALE, SCALE);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        chart.paint(graphics, WIDTH, HEIGHT);
        graphics.dispose();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        // Not the stream that ImageIO would make: its file asks to be deleted when Java ends, which is refused once it
        // is ending, after Ctrl-C.
        try (MemoryCacheImageOutputStream memory = new MemoryCacheImageOutputStream(out)) {
            ImageIO.write(image, "png", memory);
        }
        return out.toByteArray();
    }

    private static void style(XYStyler styler) {
        Font font = new Font(Font.SANS_SERIF, Font.PLAIN, FONT_SIZE);
        styler.setLocale(Locale.ROOT);
        styler.setChartBackgroundColor(BACKGROUND);
        styler.setPlotBackgroundColor(BACKGROUND);
        styler.setPlotBorderVisible(false);
        styler.setChartFontColor(TEXT);
        styler.setChartPadding(20);
        styler.setChartTitleVisible(false);
        styler.setLegendBackgroundColor(BACKGROUND);
        styler.setLegendBorderColor(BACKGROUND);
        styler.setLegendFont(font);
        styler.setLegendPadding(12);
        styler.setLegendPosition(LegendPosition.InsideNE);
        styler.setLegendLayout(LegendLayout.Vertical);
        styler.setAxisTitleFont(font);
        styler.setXAxisTitleColor(TEXT);
        styler.setYAxisTitleColor(TEXT);
        styler.setAxisTickLabelsFont(font);
        styler.setAxisTickLabelsColor(TEXT);
        styler.setAxisTickMarksColor(MUTED);
        styler.setXAxisDecimalPattern("#,##0");
        styler.setPlotGridLinesColor(GRID);
        styler.setPlotGridLinesStroke(new BasicStroke(1));
        styler.setPlotGridVerticalLinesVisible(false);
    }
}
