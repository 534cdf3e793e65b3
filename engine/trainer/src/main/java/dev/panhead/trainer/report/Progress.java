package dev.panhead.trainer.report;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;

/** Shows a training: as a bar on a terminal, as a line now and then elsewhere. */
public final class Progress implements Listener, AutoCloseable {

    private static final int STEPS = 1000;
    private static final double LINES = 20;

    /** Columns of a terminal that does not say how many it has, in the environment. */
    private static final int COLUMNS = 80;

    private static final int LEAST_BAR = 10;

    /** Seconds of the training from which the time left is foretold: what was slow at first is slow no more. */
    private static final double RECENT = 10;

    /** Fraction done before which nothing is foretold. */
    private static final double ENOUGH = 0.01;

    private final PrintStream out;
    private final ProgressBar bar;
    private double nextLine;

    /** How far the training was some time ago, and how far when that was noted last. */
    private Status older;

    private Status newer;

    /**
     * Begins to show.
     *
     * @param out where lines go
     * @param terminal whether a person watches a terminal
     */
    public Progress(PrintStream out, boolean terminal) {
        this.out = out;
        bar = terminal
                ? new ProgressBarBuilder()
                        .setInitialMax(STEPS)
                        .setRenderer(Progress::render)
                        // Not the library's own choice: its terminal takes the place of what Ctrl-C does here.
                        .setConsumer(new ConsoleProgressBarConsumer(out, columns() - 1))
                        .setUpdateIntervalMillis(200)
                        .build()
                : null;
    }

    private static int columns() {
        String columns = System.getenv("COLUMNS");
        return columns != null && columns.matches("[1-9][0-9]{1,3}") ? Integer.parseInt(columns) : COLUMNS;
    }

    /** A line of at most so many columns: if one must be cut, it is the bar. */
    private static String render(ProgressState state, int columns) {
        double done = state.getNormalizedProgress();
        String message = state.getExtraMessage();
        int room = Math.max(LEAST_BAR, columns - message.length() - "100 % [] ".length());
        int filled = (int) Math.round(room * done);
        return String.format(
                Locale.ROOT, "%3.0f %% [%s%s] %s", 100 * done, "#".repeat(filled), "-".repeat(room - filled), message);
    }

    @Override
    public void step(Status status) {
        String left = left(status);
        if (bar != null) {
            bar.setExtraMessage(describe(status, "", left)); // which the next move shows
            bar.stepTo(Math.round(status.progress() * STEPS));
        } else if (status.progress() >= nextLine || status.progress() >= 1) {
            String line = describe(status, inBits(status.bitsPerByte()), left);
            out.printf(Locale.ROOT, "%3.0f %%  %s%n", 100 * status.progress(), line);
            nextLine = Math.floor(status.progress() * LINES + 1) / LINES;
        }
    }

    private static String describe(Status status, String bits, String left) {
        return String.format(
                Locale.ROOT,
                "step %d  loss %.3f%s  %,.0f tokens/s%s",
                status.step(),
                status.loss(),
                bits,
                status.tokensPerSecond(),
                left);
    }

    /** How long the training will take, by how far it came lately. */
    private String left(Status status) {
        if (newer == null || status.seconds() - newer.seconds() > RECENT) {
            older = newer == null && status.step() > 1 ? status : newer; // one that is resumed begins there
            newer = status;
        }
        double since = older == null ? 0 : older.seconds();
        double lately = status.progress() - (older == null ? 0 : older.progress());
        if (status.progress() < ENOUGH || lately <= 0) {
            return "";
        }
        Duration left =
                Duration.ofMillis((long) (1000 * (status.seconds() - since) * (1 - status.progress()) / lately));
        return String.format(Locale.ROOT, "  %d:%02d left", left.toMinutes(), left.toSecondsPart());
    }

    private static String inBits(double bitsPerByte) {
        return Double.isNaN(bitsPerByte) ? "" : String.format(Locale.ROOT, "  %.3f bits/byte", bitsPerByte);
    }

    @Override
    public void evaluated(Status status, Evaluation heldOut, boolean whole) {
        if (bar == null) {
            out.printf(
                    Locale.ROOT,
                    "       held out%s: loss %.4f%s on %,d tokens%n",
                    whole ? "" : ", in part",
                    heldOut.loss(),
                    inBits(heldOut.bitsPerByte()),
                    heldOut.tokens());
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
