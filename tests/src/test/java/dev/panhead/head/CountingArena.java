package dev.panhead.head;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Counts what is allocated from it, and refuses more than it may give. */
final class CountingArena implements Arena {

    private final Arena arena = Arena.ofShared();
    private long bytes;

    private int allowed = Integer.MAX_VALUE;

    /** Lets it give so many pieces more, and none after them. */
    void allow(int pieces) {
        allowed = pieces;
    }

    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        if (allowed-- == 0) {
            allowed = 0;
            throw new OutOfMemoryError("refused");
        }
        bytes += byteSize;
        return arena.allocate(byteSize, byteAlignment);
    }

    @Override
    public MemorySegment.Scope scope() {
        return arena.scope();
    }

    @Override
    public void close() {
        arena.close();
    }

    long bytes() {
        return bytes;
    }
}
