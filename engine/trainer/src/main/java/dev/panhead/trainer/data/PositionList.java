package dev.panhead.trainer.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Positions in a sequence of tokens, ascending: all of them, or some, which are kept off the heap. Immutable; as safe to share
 * between threads as the arena it was read into.
 */
public final class PositionList {

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** None. */
    static final PositionList NONE = new PositionList(0, null);

    private final long size;

    /** The positions, little-endian; null for all. */
    private final MemorySegment positions;

    private PositionList(long size, MemorySegment positions) {
        this.size = size;
        this.positions = positions;
    }

    /** The positions 0 to {@code size} - 1. */
    static PositionList all(long size) {
        return new PositionList(size, null);
    }

    /** Positions in memory, ascending, little-endian. */
    static PositionList of(MemorySegment positions) {
        return new PositionList(positions.byteSize() / Long.BYTES, positions);
    }

    /** How many there are. */
    public long size() {
        return size;
    }

    /**
     * One of them.
     *
     * @throws IndexOutOfBoundsException if there are not so many
     */
    public long get(long index) {
        return positions == null ? Objects.checkIndex(index, size) : positions.getAtIndex(LONG, index);
    }

    /** The memory behind them; empty if they are all. */
    MemorySegment memory() {
        return positions == null ? MemorySegment.ofArray(new long[0]) : positions;
    }
}
