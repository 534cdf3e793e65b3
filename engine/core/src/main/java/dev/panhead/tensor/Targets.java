package dev.panhead.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * The targets (labels) of T tokens: one int32 per token, a vocabulary row or the ignore index.
 *
 * <p>A view, off-heap or over an {@code int[]}; writes to what it wraps show through. As safe to share between threads as what
 * it wraps.
 */
public final class Targets {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final MemorySegment segment;
    private final int size;

    private Targets(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
    }

    /** Wraps an array, without copying. */
    public static Targets of(int... targets) {
        return new Targets(MemorySegment.ofArray(targets), targets.length);
    }

    /** Allocates {@code size} targets, all zero, off the heap. */
    public static Targets allocate(Arena arena, int size) {
        return new Targets(arena.allocate(INT, size), size);
    }

    /**
     * Wraps {@code size} ints in the machine's byte order at the start of a segment, without copying.
     *
     * @throws IllegalArgumentException if the segment is too small
     */
    public static Targets wrap(MemorySegment segment, int size) {
        long needed = (long) size * Integer.BYTES;
        if (size < 0 || segment.byteSize() < needed) {
            throw new IllegalArgumentException(
                    size + " targets need " + needed + " bytes, but the segment has " + segment.byteSize());
        }
        return new Targets(segment.asSlice(0, needed), size);
    }

    /** Number of tokens. */
    public int size() {
        return size;
    }

    /** The memory behind the targets. */
    public MemorySegment segment() {
        return segment;
    }

    /** The target of one token. */
    public int get(int token) {
        Objects.checkIndex(token, size);
        return segment.getAtIndex(INT, token);
    }

    /** Sets the target of one token. */
    public void set(int token, int target) {
        Objects.checkIndex(token, size);
        segment.setAtIndex(INT, token, target);
    }

    /** A view of the tokens {@code from} (inclusive) to {@code to} (exclusive). */
    public Targets view(int from, int to) {
        Objects.checkFromToIndex(from, to, size);
        return new Targets(segment.asSlice((long) from * Integer.BYTES, (long) (to - from) * Integer.BYTES), to - from);
    }
}
