package dev.panhead.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A matrix that is read as float32: a {@link Matrix} as it lies, a {@link HalfMatrix} widened on the way. Results are those of the widened
 * numbers, to the bit.
 */
public sealed interface ReadableMatrix permits Matrix, HalfMatrix {

    /** Number of rows. */
    int rows();

    /** Number of columns. */
    int columns();

    /** Elements from the start of a row to the start of the next. */
    long rowStride();

    /** The memory behind this matrix; it begins at element (0, 0). */
    MemorySegment segment();

    /** Byte offset of element (row, column) in {@link #segment()}, unchecked. */
    long offset(int row, int column);

    /** Reads one element. */
    float get(int row, int column);

    /**
     * Checks this matrix's shape.
     *
     * @param name what to call this matrix in the message
     * @return this matrix
     * @throws IllegalArgumentException if the shape is another
     */
    default ReadableMatrix requireShape(String name, int rows, int columns) {
        if (rows() != rows || columns() != columns) {
            throw new IllegalArgumentException(
                    name + " must be " + rows + " x " + columns + ", but is " + rows() + " x " + columns());
        }
        return this;
    }

    /**
     * Checks that this matrix shares no memory with ints.
     *
     * @param name what to call this matrix in the message
     * @param otherName what to call the ints
     * @throws IllegalArgumentException if the two lie in the same bytes
     */
    default void requireApart(String name, String otherName, Ints other) {
        if (other.segment().isNative() && touch(this, other.segment())) {
            throw new IllegalArgumentException(name + " shares memory with " + otherName);
        }
    }

    /** Whether a matrix and a segment off the heap have an address in common. */
    static boolean touch(ReadableMatrix one, MemorySegment other) {
        return one.segment().address() < other.address() + other.byteSize()
                && other.address() < one.segment().address() + one.segment().byteSize();
    }
}
