package dev.panhead.bench;

import java.util.Map;

/**
 * A benchmark with its parameters, as the report runs it.
 *
 * @param group heading that it stands under
 * @param name what it measures
 * @param benchmark class and method
 * @param parameters the benchmark's, where they are not its defaults
 * @param threads how many it runs on
 * @param kernel "scalar", the width of the vectors in bits, or null for what the machine is best at
 * @param bandwidth what bounds it if it waits for memory; null if it stays in the caches
 * @param role what its figure is used for
 */
record Trial(
        String group,
        String name,
        String benchmark,
        Map<String, String> parameters,
        int threads,
        String kernel,
        Bandwidth bandwidth,
        Role role) {

    static final String ONE_THREAD = ", 1 thread";

    /** What a figure is used for. */
    enum Role {
        /** To set what the others are measured against: a peak, or a bandwidth. */
        ROOF,
        /** To be compared across kernels and widths. */
        WIDTH,
        /** To be measured against its roof. */
        WORK
    }

    /** The name, and the number of threads where it is not all of them. */
    String title() {
        return name + (threads == 1 ? ONE_THREAD : "");
    }
}
