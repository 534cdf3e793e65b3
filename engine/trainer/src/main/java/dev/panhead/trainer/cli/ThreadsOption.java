package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import picocli.CommandLine.Option;

/** The option for the number of threads. */
final class ThreadsOption {

    /** Threads for each processor beyond which nothing but memory is to be had. */
    private static final int MOST_A_PROCESSOR = 4;

    private static final int ALWAYS_ALLOWED = 16;

    @Option(names = "--threads", paramLabel = "N", description = "Threads; all processors by default.")
    private Integer threads;

    Workers start() {
        int processors = Runtime.getRuntime().availableProcessors();
        int most = Math.max(MOST_A_PROCESSOR * processors, ALWAYS_ALLOWED);
        if (threads != null && (threads < 1 || threads > most)) {
            throw new UsageException(
                    "--threads must be from 1 to " + most + " here (" + processors + " processors), but is " + threads);
        }
        return threads == null ? new Workers() : new Workers(threads);
    }
}
