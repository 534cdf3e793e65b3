package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import picocli.CommandLine.Option;

/** The option for the number of threads. */
final class ThreadsOption {

    @Option(names = "--threads", paramLabel = "N", description = "Threads; all processors by default.")
    private Integer threads;

    Workers start() {
        try {
            return threads == null ? new Workers() : new Workers(threads);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--threads: " + e.getMessage(), e);
        }
    }
}
