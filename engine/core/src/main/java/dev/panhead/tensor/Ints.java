package dev.panhead.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * A row of int32: the targets (labels), predictions or ranks of tokens, or the indices of rows.
 *
 * <p>A view, off-heap or over an {@code int[]}; writes to what it wraps show through. As safe to share between threads as what
 * it wraps.
 */
public final class Ints {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private final MemorySegment segment;
    private final int size;

    private Ints(MemorySegment segment, int size) {
        this.segment = segment;
        this.size = size;
    }

    /** Wraps an array, without copying. */
    public static Ints of(int... values) {
        return new Ints(MemorySegment.ofArray(values), values.length);
    }

    /** Allocates {@code size} ints, all zero, off the heap. */
    public static Ints allocate(Arena arena, int size) {
        return new Ints(arena.allocate(INT, size), size);
    }

    /**
     * Wraps {@code size} ints in the machine's byte order at the start of a segment, without copying.
     *
     * @throws IllegalArgumentException if the segment is too small
     */
    public static Ints wrap(MemorySegment segment, int size) {
        long needed = (long) size * Integer.BYTES;
        if (size < 0 || segment.byteSize() < needed) {
            throw new IllegalArgumentException(
                    size + " ints need " + needed + " bytes, but the segment has " + segment.byteSize());
        }
        return new Ints(segment.asSlice(0, needed), size);
    }

    /** How many there are. */
    public int size() {
        return size;
    }

    /** The memory behind them. */
    public MemorySegment segment() {
        return segment;
    }

    /** One of them. */
    public int get(int index) {
        Objects.checkIndex(index, size);
        return segment.getAtIndex(INT, index);
    }

    /** Sets one of them. */
    public void set(int index, int value) {
        Objects.checkIndex(index, size);
        segment.setAtIndex(INT, index, value);
    }

    /** A view of those from {@code from} (inclusive) to {@code to} (exclusive). */
    public Ints view(int from, int to) {
        Objects.checkFromToIndex(from, to, size);
        return new Ints(segment.asSlice((long) from * Integer.BYTES, (long) (to - from) * Integer.BYTES), to - from);
    }

    /**
     * Checks that these ints share no memory with others.
     *
     * @param name what to call these in the message
     * @param otherName what to call the others
     * @throws IllegalArgumentException if the two lie in the same bytes
     */
    public void requireApart(String name, String otherName, Ints other) {
        if (segment.asOverlappingSlice(other.segment).isPresent()) {
            throw new IllegalArgumentException(name + " shares memory with " + otherName);
        }
    }
}
