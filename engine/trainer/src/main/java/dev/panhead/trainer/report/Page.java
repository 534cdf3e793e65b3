package dev.panhead.trainer.report;

import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The report as one HTML file that needs nothing else, and that its own policy forbids to ask for anything else. */
final class Page {

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("d MMMM yyyy, HH:mm 'UTC'", Locale.ENGLISH);

    private static final Pattern PLACE = Pattern.compile("\\{\\{(\\w+)}}");
    private static final int FIGURE_ROWS = 30;
    private static final int OPTIONS = 200;
    private static final int TEXT_CHARACTERS = 300;

    private final TrainingLog log;

    Page(TrainingLog log) {
        this.log = log;
    }

    String html() throws IOException {
        Charts charts = new Charts(log);
        Headline headline = new Headline(log);
        String style = Asset.UPLOT_STYLE.text() + Asset.STYLE.text();
        String library = Asset.UPLOT_SCRIPT.text();
        String script = Asset.SCRIPT.text();
        Map<String, String> parts = new HashMap<>();
        parts.put("policy", Asset.policy(style, library, script));
        parts.put("style", style);
        parts.put("library", library);
        parts.put("licence", Asset.UPLOT_LICENCE.text());
        parts.put("script", script);
        parts.put("curves", charts.json());
        parts.put("data", description());
        parts.put("state", headline.state());
        parts.put("tiles", headline.tiles());
        parts.put("charts", charts.isEmpty() ? "" : charts.html());
        parts.put("reach", headline.reach());
        parts.put("best", headline.best());
        parts.put("curvesHidden", charts.isEmpty() ? " hidden" : "");
        parts.put("figures", figures());
        parts.put("samples", Sections.samples(log.samples()));
        parts.put("hardest", Sections.hardest(log.hardest(), log.hardestStep()));
        parts.put("audits", Sections.audits(log.audits(), log.run().options().getOrDefault("gradient", "")));
        parts.put("run", run());
        // one pass: what looks like a place in text that comes from the data stays as it is
        return PLACE.matcher(Asset.TEMPLATE.text())
                .replaceAll(place -> Matcher.quoteReplacement(parts.get(place.group(1))));
    }

    private String description() {
        String data = log.run().data();
        return data.isEmpty() ? "" : Markup.line(Markup.shorten(data, TEXT_CHARACTERS));
    }

    /** Some of the figures that the charts show: of the evaluations if there are several, else of the steps. */
    private String figures() {
        if (log.points().isEmpty()) {
            return "";
        }
        Table table = new Table("figures of the charts", "figures");
        table.head(
                "step",
                "time",
                "tokens",
                "loss",
                "held-out loss",
                "held-out bits a byte",
                "accuracy",
                "learning rate",
                "gradient norm",
                "gradient density",
                "kept mass",
                "tokens/s");
        if (log.evaluations().size() > 1) {
            Spread.over(log.evaluations(), FIGURE_ROWS)
                    .forEach(evaluation -> addRow(table, evaluation.at(), evaluation));
        } else {
            HeldOut only =
                    log.evaluations().isEmpty() ? null : log.evaluations().getFirst();
            Spread.over(log.points(), FIGURE_ROWS)
                    .forEach(point ->
                            addRow(table, point, only != null && only.at().step() == point.step() ? only : null));
        }
        return """
                <details>
                <summary>The figures as a table</summary>
                %s</details>
                """.formatted(table.withoutEmptyColumns().html());
    }

    private static void addRow(Table table, Point point, HeldOut heldOut) {
        table.row(
                Numbers.count(point.step()),
                Numbers.duration(point.seconds()),
                Numbers.count(point.tokens()),
                Numbers.decimals(point.loss(), 4),
                Numbers.decimals(heldOut == null ? Double.NaN : heldOut.loss(), 4),
                Numbers.decimals(heldOut == null ? Double.NaN : heldOut.bitsPerByte(), 4),
                Numbers.percent(heldOut == null ? Double.NaN : heldOut.accuracy()),
                Numbers.significant(point.learningRate(), 3),
                Numbers.significant(point.gradientNorm(), 3),
                Numbers.significant(point.gradientDensity(), 3),
                Numbers.percent(point.keptMass()),
                Numbers.count(point.tokensPerSecond()));
    }

    /** Configuration, model and machine, side by side where there is room. */
    private String run() {
        Run run = log.run();
        StringBuilder options = new StringBuilder();
        run.options().entrySet().stream()
                .limit(OPTIONS)
                .forEach(option -> options.append(row(option.getKey().replace('_', ' '), option.getValue())));
        String model = text("type", run.modelType())
                + number("parameters", run.parameters())
                + number("vocabulary", run.vocabulary())
                + number("width", run.width())
                + number("tokens to learn from", run.tokens())
                + number("tokens held out", run.heldOutTokens());
        String bits = Double.isFinite(run.vectorBits()) ? ", " + Numbers.count(run.vectorBits()) + " bits" : "";
        String machine = text("processor", run.processor())
                + text("kernels", run.kernel().isEmpty() ? "" : run.kernel() + bits)
                + number("threads", run.threads())
                + text("Panhead", run.version())
                + text("started", time(run.started()))
                + text("checkpoints", checkpoints());
        String tables = facts("Configuration", options.toString()) + facts("Model", model) + facts("Machine", machine);
        return tables.isEmpty() ? "" : "<section class=\"facts\">\n" + tables + "</section>\n";
    }

    private String checkpoints() {
        if (log.checkpoints() == 0) {
            return "";
        }
        return Numbers.count(log.checkpoints())
                + (log.lastCheckpoint().isEmpty() ? "" : ", the last " + log.lastCheckpoint());
    }

    private static String facts(String title, String rows) {
        return rows.isEmpty()
                ? ""
                : "<div>\n<h2>%s</h2>\n<table class=\"facts\">\n%s</table>\n</div>\n".formatted(title, rows);
    }

    private static String number(String name, double value) {
        return Double.isFinite(value) ? row(name, Numbers.count(value)) : "";
    }

    private static String text(String name, String value) {
        return value.isEmpty() ? "" : row(name, value);
    }

    private static String row(String name, String value) {
        return "<tr><th scope=\"row\">%s</th><td>%s</td></tr>\n"
                .formatted(
                        Markup.line(Markup.shorten(name, TEXT_CHARACTERS)),
                        Markup.line(Markup.shorten(value, TEXT_CHARACTERS)));
    }

    /** A moment in people's words; what is none stays as it is. */
    private static String time(String moment) {
        try {
            return TIME.format(Instant.parse(moment).atOffset(ZoneOffset.UTC));
        } catch (DateTimeParseException e) {
            return moment;
        }
    }
}
