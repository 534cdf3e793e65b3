package dev.panhead.bench;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The option for the number of threads. */
final class ThreadsOption {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(names = "--threads", paramLabel = "N", description = "Threads; all processors by default.")
    private Integer threads;

    /** How many threads, at least so many. */
    int count(int least) {
        int count = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
        Limits.require(spec, "--threads", count, least, Host.mostThreads());
        return count;
    }
}
