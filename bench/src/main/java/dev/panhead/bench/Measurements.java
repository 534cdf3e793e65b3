package dev.panhead.bench;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/** All that a report has to tell. */
record Measurements(Host host, Instant start, Duration duration, int forks, Roofs roofs, List<Figure> figures) {

    Measurements {
        figures = List.copyOf(figures);
    }
}
