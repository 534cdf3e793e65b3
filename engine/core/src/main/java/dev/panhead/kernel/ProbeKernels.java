package dev.panhead.kernel;

import java.lang.foreign.MemorySegment;

/** Loops that measure what the machine can do with one kind of instruction. */
public interface ProbeKernels {

    /** Floating-point operations of one round of {@link #multiplyAdd}. */
    long operationsARound();

    /** Runs {@code rounds} rounds of independent multiply-adds on registers, and returns a float that depends on them all. */
    float multiplyAdd(int rounds);

    /** Reads {@code bytes} bytes, a multiple of 512, and returns a float that depends on them all. */
    float read(MemorySegment segment, long at, int bytes);
}
