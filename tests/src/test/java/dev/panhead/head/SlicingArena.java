package dev.panhead.head;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** Hands out slices of memory that it was given, as that has been left. */
record SlicingArena(MemorySegment memory, SegmentAllocator slices) implements Arena {

    /** Takes memory whose every bit is set: NaN where it is read. */
    static SlicingArena of(MemorySegment memory) {
        memory.fill((byte) 0xFF);
        return new SlicingArena(memory, SegmentAllocator.slicingAllocator(memory));
    }

    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        return slices.allocate(byteSize, byteAlignment);
    }

    @Override
    public MemorySegment.Scope scope() {
        return memory.scope();
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("the memory is another's");
    }
}
