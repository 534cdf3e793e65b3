package dev.panhead.trainer.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The page's sections about what the model wrote, what it found hard, and how exact the arithmetic was. */
final class Sections {

    private static final int SAMPLES = 12;
    private static final int SAMPLE_CHARACTERS = 6000;
    private static final int HARD_TOKENS = 50;
    private static final int TOKEN_CHARACTERS = 60;
    private static final int CONTEXT_CHARACTERS = 120;
    private static final int AUDITS = 20;
    private static final int MODE_CHARACTERS = 40;

    private Sections() {}

    /** The last sample in full, the ones before behind a click. */
    static String samples(List<Sample> samples) {
        if (samples.isEmpty()) {
            return "";
        }
        StringBuilder html = new StringBuilder(heading("Samples"));
        html.append(sample(samples.getLast()));
        List<Sample> earlier = Spread.over(samples.subList(0, samples.size() - 1), SAMPLES);
        if (!earlier.isEmpty()) {
            html.append("<details>\n<summary>Earlier samples</summary>\n");
            earlier.reversed().forEach(sample -> html.append(sample(sample)));
            html.append("</details>\n");
        }
        return html.append("</section>\n").toString();
    }

    private static String sample(Sample sample) {
        String text = sample.text();
        if (!sample.prompt().isEmpty() && text.startsWith(sample.prompt())) {
            text = text.substring(sample.prompt().length());
        }
        return """
                <figure class="sample">
                <figcaption>Step %s</figcaption>
                <blockquote><b>%s</b>%s</blockquote>
                </figure>
                """.formatted(
                        Numbers.count(sample.step()),
                        Markup.passage(Markup.shortenStart(sample.prompt(), SAMPLE_CHARACTERS)),
                        Markup.passage(Markup.shorten(text, SAMPLE_CHARACTERS)));
    }

    /** The least expected tokens, each in its context. */
    static String hardest(List<HardToken> all, long step) {
        if (all.isEmpty()) {
            return "";
        }
        List<HardToken> tokens = all.subList(0, Math.min(HARD_TOKENS, all.size()));
        boolean text = tokens.stream().anyMatch(token -> token.context() != null);
        boolean placed = tokens.stream().anyMatch(token -> Double.isFinite(token.position()));
        StringBuilder html = new StringBuilder(heading("Hardest tokens"));
        html.append("<p class=\"note\">")
                .append(text ? "What came (marked, after its context)" : "Which row of the vocabulary came")
                .append(", and what the model thought likeliest, at step ")
                .append(Numbers.count(step))
                .append(".</p>\n");
        Table table = new Table("hardest tokens", text ? "words" : "rows");
        table.head("loss", text ? "what came" : "row", "likeliest", placed ? "position" : null);
        for (HardToken token : tokens) {
            String context = token.context() == null ? "" : token.context();
            String target = Markup.token(Markup.shorten(token.target(), TOKEN_CHARACTERS));
            String prediction = Markup.token(Markup.shorten(token.prediction(), TOKEN_CHARACTERS));
            table.row(
                    Numbers.decimals(token.loss(), 2),
                    text
                            ? "<code>" + Markup.line(Markup.shortenStart(context, CONTEXT_CHARACTERS)) + "<b>" + target
                                    + "</b></code>"
                            : target,
                    text ? "<code>" + prediction + "</code>" : prediction,
                    placed ? Numbers.count(token.position()) : null);
        }
        return html.append(table.html()).append("</section>\n").toString();
    }

    /**
     * How the audits went: the worst in a sentence, those that failed and the others in a table.
     *
     * @param gradient the training's gradient mode, which is not the audits' unless it is exact; empty if it was not noted
     */
    static String audits(List<Audit> audits, String gradient) {
        if (audits.isEmpty()) {
            return "";
        }
        List<Audit> failed = audits.stream().filter(audit -> !audit.passed()).toList();
        StringBuilder html = new StringBuilder(heading("Audits"));
        html.append("<p>Some tokens&#39; losses and ")
                .append(
                        gradient.isEmpty() || gradient.equals("exact")
                                ? "gradients"
                                : "exact gradients (those of the training are "
                                        + Markup.line(Markup.shorten(gradient, MODE_CHARACTERS)) + ")")
                .append(", computed once more in double precision: ");
        if (failed.isEmpty()) {
            double worst = audits.stream().mapToDouble(Audit::error).max().orElseThrow();
            html.append("<strong class=\"good\">")
                    .append(
                            audits.size() == 1
                                    ? "the one audit was"
                                    : "all " + Numbers.count(audits.size()) + " audits were")
                    .append(" within the bound</strong>, the largest relative error ")
                    .append(Numbers.significant(worst, 2));
        } else {
            html.append("<strong class=\"bad\">")
                    .append(Numbers.count(failed.size()))
                    .append(" of ")
                    .append(Numbers.count(audits.size()))
                    .append(failed.size() == 1 ? " was" : " were")
                    .append(" not within the bound</strong>");
        }
        html.append(".</p>\n");
        List<Audit> shown = new ArrayList<>(Spread.over(failed, AUDITS));
        shown.addAll(Spread.over(audits.stream().filter(Audit::passed).toList(), AUDITS));
        shown.sort(Comparator.comparingLong(Audit::step));
        Table table = new Table("audits", "figures audits");
        table.head("step", "tokens", "relative error", "bound", "");
        for (Audit audit : shown) {
            table.row(
                    Numbers.count(audit.step()),
                    Numbers.count(audit.tokens()),
                    Numbers.significant(audit.error(), 3),
                    Numbers.significant(audit.bound(), 3),
                    audit.passed() ? "<span class=\"good\">within</span>" : "<span class=\"bad\">exceeded</span>");
        }
        return html.append("<details")
                .append(failed.isEmpty() ? "" : " open")
                .append(">\n<summary>The audits</summary>\n")
                .append(table.html())
                .append("</details>\n</section>\n")
                .toString();
    }

    private static String heading(String title) {
        return "<section>\n<h2>" + title + "</h2>\n";
    }
}
