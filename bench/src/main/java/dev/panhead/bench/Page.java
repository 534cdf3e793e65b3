package dev.panhead.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** The report as one HTML file that needs nothing else. */
final class Page {

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("d MMMM yyyy, HH:mm 'UTC'", Locale.ENGLISH);

    private final Measurements measurements;

    Page(Measurements measurements) {
        this.measurements = measurements;
    }

    String html() throws IOException {
        Host host = measurements.host();
        return template()
                .replace("{{charts}}", new ChartSection(measurements).html())
                .replace("{{rows}}", rows())
                .replace("{{processor}}", escape(host.processor()))
                .replace("{{processors}}", Integer.toString(host.processors()))
                .replace("{{caches}}", escape(host.cachesInWords()))
                .replace("{{kernels}}", escape(host.kernel() + ", " + host.bits() + " bits"))
                .replace("{{threads}}", Host.team(host.threads()))
                .replace("{{java}}", escape(host.java()))
                .replace("{{limits}}", limits())
                .replace(
                        "{{busy}}",
                        measurements.isPlausible() ? "" : "<p><strong>" + escape(Measurements.BUSY) + "</strong></p>\n")
                .replace("{{version}}", escape(Main.Version.number()))
                .replace("{{forks}}", measurements.forks() == 1 ? "1 process" : measurements.forks() + " processes")
                .replace("{{seconds}}", Long.toString(measurements.duration().toSeconds()))
                .replace("{{time}}", TIME.format(measurements.start().atOffset(ZoneOffset.UTC)));
    }

    private static String template() throws IOException {
        try (InputStream in = Page.class.getResourceAsStream("page.html")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** The peaks and bandwidths. */
    private String limits() {
        Roofs roofs = measurements.roofs();
        int threads = measurements.host().threads();
        StringBuilder limits = new StringBuilder(limit("peak, " + Host.team(threads), roofs.peak(threads), "GFLOP/s"));
        if (threads > 1) {
            limits.append(limit("peak, " + Host.team(1), roofs.peak(1), "GFLOP/s"));
        }
        for (Bandwidth bandwidth : Bandwidth.values()) {
            limits.append(limit("memory, " + bandwidth.label(), roofs.bandwidth(bandwidth), "GB/s"));
        }
        return limits.toString();
    }

    private static String limit(String name, double value, String unit) {
        return "<div><dt>%s</dt><dd>%s <small>%s</small></dd></div>\n".formatted(escape(name), number(value), unit);
    }

    /** A heading for each group, and a row for each figure. */
    private String rows() {
        StringBuilder rows = new StringBuilder();
        String group = "";
        for (Figure figure : measurements.figures()) {
            Trial trial = figure.trial();
            if (!trial.group().equals(group)) {
                group = trial.group();
                rows.append(rows.isEmpty() ? "" : "</tbody>\n")
                        .append("<tbody>\n<tr class=\"group\"><th colspan=\"7\" scope=\"rowgroup\">")
                        .append(escape(group))
                        .append("</th></tr>\n");
            }
            Range value = figure.value();
            rows.append("<tr><th scope=\"row\">").append(escape(trial.name())).append("</th>");
            cell(rows, Integer.toString(trial.threads()));
            cell(rows, number(value.median()) + "\u00a0" + figure.unit());
            cell(rows, number(value.min()) + "\u2009\u2013\u2009" + number(value.max()));
            rows.append(figure.roof() == null ? "<td></td><td></td>" : share(figure));
            cell(rows, Long.toString(Math.round(figure.heapBytes())));
            rows.append("</tr>\n");
        }
        return rows.append("</tbody>").toString();
    }

    private static void cell(StringBuilder rows, String text) {
        rows.append("<td>").append(escape(text)).append("</td>");
    }

    /** The share in figures and as a bar, and what it is a share of. */
    private static String share(Figure figure) {
        long percent = Math.round(100 * figure.share());
        return "<td><meter aria-hidden=\"true\" min=\"0\" max=\"100\" value=\"%d\"></meter> %d\u00a0%%</td><td class=\"roof\">%s</td>"
                .formatted(Math.min(percent, 100), percent, escape(figure.roof().name()));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.1f", value);
    }

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
