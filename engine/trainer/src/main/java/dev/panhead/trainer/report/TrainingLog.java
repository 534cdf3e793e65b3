package dev.panhead.trainer.report;

import java.util.ArrayList;
import java.util.List;

/**
 * All that a metrics file tells of a training, in the order of its steps: where a training was resumed, what had come after the
 * checkpoint was done again, and only the latter is here.
 */
final class TrainingLog {

    private Run run = Run.UNKNOWN;
    private End end;
    private final List<Point> points = new ArrayList<>();
    private final List<HeldOut> evaluations = new ArrayList<>();
    private final List<Point> resumes = new ArrayList<>();
    private final List<Audit> audits = new ArrayList<>();
    private final List<Sample> samples = new ArrayList<>();
    private long checkpoints;
    private String lastCheckpoint = "";
    private List<HardToken> hardest = List.of();
    private long hardestStep;
    private double clockOffset;
    private long latest;

    /** What the run was given: data, model, machine, options. */
    Run run() {
        return run;
    }

    /** How it ended, or null as long as it did not. */
    End end() {
        return end;
    }

    /** The steps that were noted, ascending, no step twice. */
    List<Point> points() {
        return points;
    }

    /** The evaluations, ascending; a step can have one of a part and one of the whole. */
    List<HeldOut> evaluations() {
        return evaluations;
    }

    /** Where the training was taken up again. */
    List<Point> resumes() {
        return resumes;
    }

    List<Audit> audits() {
        return audits;
    }

    List<Sample> samples() {
        return samples;
    }

    long checkpoints() {
        return checkpoints;
    }

    /** The name of the last checkpoint's file; may be empty. */
    String lastCheckpoint() {
        return lastCheckpoint;
    }

    /** The least expected tokens, as they were at the last look. */
    List<HardToken> hardest() {
        return hardest;
    }

    long hardestStep() {
        return hardestStep;
    }

    /** The last point noted, or null. */
    Point last() {
        return points.isEmpty() ? null : points.getLast();
    }

    /**
     * Tokens a second over the whole training, as noted or, where that is of its last part alone or missing, as it can be reckoned; NaN if it
     * cannot.
     */
    double speed() {
        double noted = points.stream()
                .filter(point -> resumes.isEmpty())
                .mapToDouble(Point::tokensPerSecond)
                .filter(Double::isFinite)
                .reduce(Double.NaN, (earlier, later) -> later);
        boolean reckoned = Double.isNaN(noted) && last() != null && last().seconds() > 0;
        return reckoned ? last().tokens() / last().seconds() : noted;
    }

    /** The best account of the finished model: of the whole held-out part if there is one; null if there is none at all. */
    HeldOut result() {
        HeldOut result = null;
        for (HeldOut evaluation : evaluations) {
            if (evaluation.whole() || result == null || !result.whole()) {
                result = evaluation;
            }
        }
        if (end == null || Double.isNaN(end.result().loss()) || last() == null) {
            return result;
        }
        HeldOut atEnd = end.result().placed(last());
        return result == null || !result.whole() ? atEnd : result.or(atEnd);
    }

    /** Takes a line's object in. */
    void add(Fields line) {
        switch (line.text("kind")) {
            case "run" -> run = Run.of(line);
            case "step" -> {
                Point point = point(line);
                forgetAfter(point.step());
                replace(onClock(point));
                end = null; // what comes after an end is a training taken up again
            }
            case "evaluation" -> {
                Point point = point(line);
                HeldOut heldOut = heldOut(line, line.flag("whole"));
                forgetAfter(point.step());
                if (last() == null || last().step() < point.step()) {
                    points.add(onClock(point));
                }
                replace(heldOut.placed(last()));
            }
            case "resume" -> {
                Point point = point(line);
                forgetAfter(point.step());
                if (last() != null && point.seconds() < last().seconds()) {
                    clockOffset = last().seconds() - point.seconds();
                }
                resumes.add(point);
                run = run.with(line);
                end = null;
            }
            case "checkpoint" -> {
                checkpoints++;
                lastCheckpoint = line.text("file");
            }
            case "audit" ->
                audits.add(new Audit(
                        line.step(), line.number("tokens"), line.number("max_rel_error"), line.number("bound")));
            case "sample" -> samples.add(new Sample(line.step(), line.text("prompt"), line.text("text")));
            case "hardest" -> {
                List<HardToken> tokens = line.objects("tokens").stream()
                        .map(TrainingLog::hardToken)
                        .toList();
                hardestStep = line.step();
                hardest = tokens;
            }
            case "end" -> end = new End(line.number("step"), line.text("reason"), heldOut(line, true));
            default -> {} // a later version's
        }
    }

    private void forgetAfter(long step) {
        if (step >= latest) {
            latest = step;
            return;
        }
        latest = step;
        while (!points.isEmpty() && points.getLast().step() > step) {
            points.removeLast();
        }
        evaluations.removeIf(evaluation -> evaluation.at().step() > step);
        resumes.removeIf(resume -> resume.step() > step);
        audits.removeIf(audit -> audit.step() > step);
        samples.removeIf(sample -> sample.step() > step);
    }

    private void replace(Point point) {
        if (!points.isEmpty() && points.getLast().step() == point.step()) {
            points.removeLast();
        }
        points.add(point);
    }

    private void replace(HeldOut evaluation) {
        long step = evaluation.at().step();
        if (!evaluations.isEmpty() && evaluations.getLast().at().step() == step) {
            evaluations.removeIf(other -> other.at().step() == step && other.whole() == evaluation.whole());
        }
        evaluations.add(evaluation);
    }

    /** A clock that was set back, by a training taken up again, goes on from where it was. */
    private Point onClock(Point point) {
        Point last = last();
        if (last != null && point.step() > last.step() && point.seconds() + clockOffset < last.seconds()) {
            clockOffset = last.seconds() - point.seconds();
        }
        return point.later(clockOffset);
    }

    private static Point point(Fields line) {
        return new Point(
                line.step(),
                line.number("seconds"),
                line.number("tokens"),
                line.number("loss"),
                line.number("bits_per_byte"),
                line.number("learning_rate"),
                line.number("gradient_norm"),
                line.number("gradient_density"),
                line.number("kept_mass"),
                line.number("tokens_per_second"));
    }

    private static HeldOut heldOut(Fields line, boolean whole) {
        return new HeldOut(
                null,
                line.number("held_out_loss"),
                line.number("held_out_bits_per_byte"),
                line.number("held_out_accuracy"),
                line.number("held_out_tokens"),
                whole);
    }

    private static HardToken hardToken(Fields token) {
        return new HardToken(
                token.number("loss"),
                token.text("target"),
                token.text("prediction"),
                token.has("context") ? token.text("context") : null,
                token.number("position"));
    }
}
