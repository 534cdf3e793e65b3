package dev.panhead.bench;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** All that a report has to tell. */
record Measurements(Host host, Instant start, Duration duration, int forks, Roofs roofs, List<Figure> figures) {

    /** What there is to say of figures that are not {@link #isPlausible}. */
    static final String BUSY =
            "More than a roof: it was measured while the machine was busy. Run again when it is not.";

    Measurements {
        figures = List.copyOf(figures);
    }

    /** Whether no figure is above its roof. */
    boolean isPlausible() {
        return figures.stream().noneMatch(Figure::isImpossible);
    }
}
