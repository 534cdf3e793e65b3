package dev.panhead.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory that loops store to, as C2 must know it. While the Vector API's operations are interpreted, some of them pass through
 * segments of heap arrays; from then on C2 takes every segment for one of two classes, a store for one to anywhere, and loads and
 * checks each segment's fields anew after it, at some 25 instructions for each access instead of 5. Where the class has been compared, it knows better.
 */
final class PlainMemory {

    /**
     * The class of what the JDK's arenas allocate, and of its slices. An arena of a user's own may hand out other segments, a file's, say. Taken
     * from memory that belongs to no thread: once a process has accessed a confined arena's, C2 makes code for both kinds wherever memory is
     * accessed, twice as much, and a step takes 2 % longer.
     */
    private static final Class<?> PLAIN = Arena.global().allocate(Float.BYTES).getClass();

    private PlainMemory() {}

    /** Whether a segment is allocated memory, and neither a file's nor an array. */
    static boolean is(MemorySegment segment) {
        return segment.getClass() == PLAIN;
    }

    /** A segment that {@link #is} plain, in the method that stores to it: what another method has found out is lost where C2 does not inline. */
    static MemorySegment of(MemorySegment segment) {
        if (segment.getClass() != PLAIN) {
            throw new IllegalArgumentException("expected an arena's memory, not " + segment);
        }
        return segment;
    }
}
