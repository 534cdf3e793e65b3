package dev.panhead.bench;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import org.knowm.xchart.internal.chartpart.Chart;

/** The plots of the page, each in two sizes and for light and dark. */
final class ChartSection {

    @FunctionalInterface
    private interface Drawing {
        Chart<?, ?> draw(Measurements measurements, Palette palette, Plot.Size size);
    }

    private final Measurements measurements;

    ChartSection(Measurements measurements) {
        this.measurements = measurements;
    }

    String html() throws IOException {
        String obstacle = obstacle();
        if (obstacle != null) {
            return """
                    <p class="note">There are no plots here, since this Java cannot draw text: %s. Fonts and fontconfig help.</p>
                    """.formatted(Page.escape(obstacle));
        }
        return figure(
                        "Roofline",
                        RooflinePlot::draw,
                        rooflineInWords(),
                        "The higher, the faster; the nearer to the roof, the less is left to gain. Work that stays in the"
                                + " caches, or only moves data, has no place here.")
                + figure(
                        "Share of the roof",
                        SharePlot::draw,
                        "Bar chart of the shares in the table below.",
                        "What each piece of work reaches of the limit that bounds it.")
                + figure(
                        "Width of the vectors",
                        WidthPlot::draw,
                        "Bar chart of peak and micro-kernel by width, as in the table below.",
                        "Multiply-adds on registers, and the micro-kernel on packed panels, by one thread.");
    }

    /** Why no text can be drawn, or null: many a server has no fonts, or no library that reads them. */
    private static String obstacle() {
        try {
            new Font(Font.SANS_SERIF, Font.PLAIN, Plot.FONT)
                    .getStringBounds("GFLOP/s", new FontRenderContext(null, true, true));
            return null;
        } catch (Error | RuntimeException e) { // the JDK throws what its libraries make it
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return cause.getMessage() == null ? cause.toString() : cause.getMessage();
        }
    }

    private String rooflineInWords() {
        StringBuilder words = new StringBuilder("Roofline plot.");
        for (Figure figure : measurements.figures()) {
            if (figure.isInRoofline()) {
                words.append(String.format(
                        Locale.ROOT,
                        " %s: %.1f GFLOP/s at %.1f operations a byte.",
                        figure.trial().title(),
                        figure.gflops().median(),
                        figure.intensity()));
            }
        }
        return words.toString();
    }

    private String figure(String title, Drawing drawing, String alternative, String caption) throws IOException {
        StringBuilder html =
                new StringBuilder("<section class=\"plot\">\n<h2>" + Page.escape(title) + "</h2>\n<figure>\n");
        for (Plot.Size size : Plot.Size.values()) {
            html.append(image("light", size, data(drawing, Palette.LIGHT, size), alternative));
            html.append(image("dark", size, data(drawing, Palette.DARK, size), alternative));
        }
        return html.append("<figcaption>")
                .append(Page.escape(caption))
                .append("</figcaption>\n</figure>\n</section>\n")
                .toString();
    }

    /** An image that the page's style shows where it belongs: paper is light and wide, whatever the screen is. */
    private static String image(String theme, Plot.Size size, String data, String alternative) {
        return "<img class=\"%s %s\" src=\"%s\" alt=\"%s\" width=\"%d\">\n"
                .formatted(theme, size.label(), data, Page.escape(alternative), size.width);
    }

    private String data(Drawing drawing, Palette palette, Plot.Size size) throws IOException {
        String svg = Plot.svg(drawing.draw(measurements, palette, size));
        return "data:image/svg+xml;base64," + Base64.getEncoder().encodeToString(svg.getBytes(StandardCharsets.UTF_8));
    }
}
