package dev.panhead.bench;

import java.io.Console;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/** Shows the report line by line; where it can be overwritten, also what is running. */
final class Terminal {

    private static final int WIDTH = 100;

    private final PrintStream out = System.out;
    private final boolean interactive;
    private String group = "";
    private boolean busy;

    Terminal() {
        Console console = System.console();
        interactive = console != null && console.isTerminal();
    }

    void begin(Host host) {
        print("processor  %s, %d processors%n", host.processor(), host.processors());
        print("caches     %s%n", host.cachesInWords());
        print("kernels    %s, %d bits, on %s%n", host.kernel(), host.bits(), Host.team(host.threads()));
        print("Java       %s%n", host.java());
    }

    void running(int number, int of, Trial trial) {
        if (interactive) {
            print("%d of %d: %s", number, of, trial.title());
            out.flush();
        }
    }

    void show(Figure figure) {
        Trial trial = figure.trial();
        if (interactive) {
            print("\r%s\r", " ".repeat(WIDTH));
        }
        if (!trial.group().equals(group)) {
            group = trial.group();
            print(
                    "%n%-26s %7s  %16s  %18s  %14s  %8s%n",
                    group, "threads", "median", "from .. to", "of its roof", "heap B");
        }
        busy |= figure.isImpossible();
        Range value = figure.value();
        print(
                "  %-24s %7d  %8.1f %-7s  %8.1f .. %6.1f  %14s  %8.0f%n",
                trial.name(),
                trial.threads(),
                value.median(),
                figure.unit(),
                value.min(),
                value.max(),
                share(figure),
                figure.heapBytes());
    }

    private static String share(Figure figure) {
        return figure.roof() == null
                ? ""
                : String.format(
                        Locale.ROOT,
                        "%.0f %% %s",
                        100 * figure.share(),
                        figure.roof().name());
    }

    void end(Duration duration, Path html, Path json) {
        if (busy) {
            print("%n%s%n", Measurements.BUSY);
        }
        print("%n%d s; written: %s%s%n", duration.toSeconds(), html, json == null ? "" : ", " + json);
    }

    private void print(String format, Object... values) {
        out.printf(Locale.ROOT, format, values);
    }
}
