package dev.panhead.head;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Counts what is allocated from it. */
final class CountingArena implements Arena {

    private final Arena arena = Arena.ofShared();
    private long bytes;

    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
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
