package dev.panhead.trainer.report;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows a training: as a bar on a terminal, as a line now and then elsewhere. */
public final class Progress implements Listener, AutoCloseable {

    private static final int STEPS = 1000;
    private static final double LINES = 20;

    private final PrintStream out;
    private final ProgressBar bar;
    private double nextLine;

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
                        .setTaskName("train")
                        .setInitialMax(STEPS)
                        .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                        .hideEta()
                        .setUpdateIntervalMillis(200)
                        .build()
                : null;
    }

    @Override
    public void step(Status status) {
        if (bar != null) {
            bar.stepTo(Math.round(status.progress() * STEPS));
            bar.setExtraMessage(describe(status));
        } else if (status.progress() >= nextLine || status.progress() >= 1) {
            out.printf(Locale.ROOT, "%3.0f %%  %s%n", 100 * status.progress(), describe(status));
            nextLine = Math.floor(status.progress() * LINES + 1) / LINES;
        }
    }

    private static String describe(Status status) {
        double left = status.progress() > 0 ? status.seconds() / status.progress() - status.seconds() : 0;
        Duration time = Duration.ofMillis((long) (1000 * left));
        return String.format(
                Locale.ROOT,
                "step %d  loss %.3f%s  %,.0f tokens/s  %d:%02d left",
                status.step(),
                status.loss(),
                inBits(status.bitsPerByte()),
                status.tokensPerSecond(),
                time.toMinutes(),
                time.toSecondsPart());
    }

    private static String inBits(double bitsPerByte) {
        return Double.isNaN(bitsPerByte) ? "" : String.format(Locale.ROOT, "  %.3f bits/byte", bitsPerByte);
    }

    @Override
    public void evaluated(Status status, Evaluation heldOut, boolean whole) {
        if (bar == null) {
            out.printf(
                    Locale.ROOT,
                    "       held out: loss %.4f%s on %,d tokens%n",
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
