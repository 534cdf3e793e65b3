package dev.panhead.trainer.report;

import java.util.List;

/** What is to be known of a training at the first glance: a sentence, and the figures that there are. */
final class Headline {

    private final TrainingLog log;
    private final HeldOut result;
    private final StringBuilder tiles = new StringBuilder();

    Headline(TrainingLog log) {
        this.log = log;
        result = log.result();
    }

    /** How far the training is, as a word and a sentence. */
    String state() {
        End end = log.end();
        Point last = log.last();
        StringBuilder state = new StringBuilder();
        if (end == null) {
            state.append("<strong class=\"badge open\">not finished</strong> ");
        } else {
            String reason = end.reason().isEmpty() ? "ended" : Markup.shorten(end.reason(), 60);
            state.append("<strong class=\"badge ")
                    .append(reason.equals("finished") ? "done" : "open")
                    .append("\">")
                    .append(Markup.line(reason))
                    .append("</strong> ");
        }
        if (last == null) {
            return state.append("No step has been noted yet.").toString();
        }
        state.append(end == null ? "The last step noted is step " : "After step ")
                .append(Numbers.count(end != null && end.step() > last.step() ? end.step() : last.step()));
        if (Double.isFinite(last.tokens())) {
            state.append(", ").append(Numbers.count(last.tokens())).append(" tokens");
        }
        if (!log.resumes().isEmpty()) {
            state.append(log.resumes().size() == 1 ? "; resumed at step " : "; resumed at steps ")
                    .append(String.join(
                            ", ",
                            Spread.over(log.resumes(), 5).stream()
                                    .map(resume -> Numbers.count(resume.step()))
                                    .toList()));
        }
        return state.append('.').toString();
    }

    /** The figures, each with its name and what it refers to. */
    String tiles() {
        if (result != null) {
            tile("held-out loss", Numbers.decimals(result.loss(), 4), "nats a token");
            tile("bits a byte", Numbers.decimals(result.bitsPerByte(), 4), "held out");
            tile("perplexity", Numbers.decimals(result.perplexity(), 3), "held out");
            tile("accuracy", Numbers.percent(result.accuracy()), "held out");
        } else if (log.last() != null) {
            tile("training loss", Numbers.decimals(log.last().loss(), 4), "nats a token");
        }
        if (log.last() != null) {
            tile("speed", Numbers.count(log.speed()), "tokens a second");
            tile("learnt from", Numbers.rounded(log.last().tokens()), "tokens");
            tile("time", Numbers.duration(log.last().seconds()), "in all");
        }
        tile(
                "parameters",
                Numbers.rounded(log.run().parameters()),
                Markup.line(Markup.shorten(log.run().modelType(), 40)));
        return tiles.toString();
    }

    /** What the held-out figures are of; empty where there are none. */
    String reach() {
        if (result == null) {
            return "";
        }
        String tokens = Double.isFinite(result.tokens()) ? Numbers.count(result.tokens()) + " " : "";
        if (result.whole() || result.tokens() >= log.run().heldOutTokens()) {
            return "Held-out figures are of all " + tokens + "tokens that were held out.";
        }
        boolean part = result.tokens() < log.run().heldOutTokens();
        return "Held-out figures are of " + (tokens.isEmpty() ? "" : tokens + "tokens" + (part ? ", " : " at "))
                + (part ? "a part of those held out, at step " : "step ")
                + Numbers.count(result.at().step()) + ".";
    }

    /** When the held-out loss was lower than it is now: a sign that the model has begun to learn by heart; else empty. */
    String best() {
        List<HeldOut> parts = log.evaluations().stream()
                .filter(evaluation -> !evaluation.whole() && Double.isFinite(evaluation.loss()))
                .toList();
        if (parts.size() < 2) {
            return "";
        }
        HeldOut best = parts.getFirst();
        for (HeldOut evaluation : parts) {
            best = evaluation.loss() < best.loss() ? evaluation : best;
        }
        return "The lowest loss on the held-out part, %s, was that of step %s%s."
                .formatted(
                        Numbers.decimals(best.loss(), 4),
                        Numbers.count(best.at().step()),
                        best == parts.getLast() ? ", the last that was evaluated" : "");
    }

    private void tile(String name, String value, String unit) {
        if (!value.equals(Numbers.NONE)) {
            tiles.append("<div><dt>%s</dt><dd>%s%s</dd></div>\n"
                    .formatted(name, value, unit.isEmpty() ? "" : " <small>" + unit + "</small>"));
        }
    }
}
