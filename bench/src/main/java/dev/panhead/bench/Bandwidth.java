package dev.panhead.bench;

import java.util.Locale;

/** Kinds of traffic between the caches and memory; each has a bandwidth of its own. */
enum Bandwidth {
    /** What is read is not written. */
    READ,
    /** As much is written, elsewhere, as is read. */
    COPY,
    /** Half as much is written, elsewhere, as is read. */
    TRIAD,
    /** What is written has been read. */
    UPDATE;

    /** As shown. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
