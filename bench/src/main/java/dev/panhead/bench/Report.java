package dev.panhead.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** The report: runs the suite, shows each figure as it comes, and writes the files. */
final class Report {

    private final Host host;
    private final int forks;

    Report(Host host, int forks) {
        this.host = host;
        this.forks = forks;
    }

    /** Measures and writes; the JSON only if there is a file for it. */
    void write(Path html, Path json) throws IOException {
        Instant start = Instant.now();
        List<Trial> trials = Suite.trials(host);
        Roofs roofs = new Roofs();
        Harness harness = new Harness(forks, roofs);
        Terminal terminal = new Terminal();
        terminal.begin(host);
        List<Figure> figures = new ArrayList<>();
        for (Trial trial : trials) {
            terminal.running(figures.size() + 1, trials.size(), trial);
            Figure figure = harness.run(trial);
            figures.add(figure);
            terminal.show(figure);
        }
        Measurements measurements =
                new Measurements(host, start, Duration.between(start, Instant.now()), forks, roofs, figures);
        Files.writeString(html, new Page(measurements).html());
        if (json != null) {
            Files.writeString(json, new JsonReport(measurements).json());
        }
        terminal.end(measurements.duration(), html, json);
    }
}
