package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/** Loops that measure what the machine can do with one kind of instruction. Pieces of memory are multiples of 512 bytes. */
public interface ProbeKernels {

    /** Floating-point operations of one round of {@link #multiplyAdd}. */
    long operationsARound();

    /** Runs {@code rounds} rounds of independent multiply-adds on registers, and returns a float that depends on them all. */
    float multiplyAdd(int rounds);

    /**
     * Reads a piece, and returns a float that depends on all of it. Its quarters are read side by side: one stream alone does
     * not keep memory busy, since prefetching ends with the page.
     */
    float read(MemorySegment x, long at, int bytes);

    /** y = x for the floats of a piece, which lies at {@code at} in both. */
    void copy(MemorySegment x, MemorySegment y, long at, int bytes);

    /** z = x + s y for the floats of a piece, which lies at {@code at} in all three. */
    void triad(MemorySegment x, MemorySegment y, MemorySegment z, long at, int bytes);

    /** x = s x for the floats of a piece: what is written has been read, so that no line is fetched only to be overwritten. */
    void update(MemorySegment x, long at, int bytes);
}
