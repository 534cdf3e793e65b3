package dev.panhead.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * A float32 matrix of {@code rows x columns}, stored by rows in an off-heap {@link MemorySegment}.
 *
 * <p>Element (r, c) lies at float {@code r * rowStride + c} of the segment, in the machine's byte order; no alignment is
 * required. A matrix is a view: it owns no memory, and lives as long as its segment's arena. Matrices with no rows or no
 * columns are allowed. A row vector of n elements is a matrix of 1 x n.
 *
 * <p>The view is immutable and may be shared between threads; the data is as safe to share as its segment is, and concurrent
 * writes to one element are the caller's to order.
 */
public final class Matrix implements ReadableMatrix {

    /** The alignment, in bytes, of matrices allocated here: one cache line, and the widest vector there is. */
    public static final long ALIGNMENT = 64;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final MemorySegment segment;
    private final int rows;
    private final int columns;
    private final long rowStride;

    private Matrix(MemorySegment segment, int rows, int columns, long rowStride) {
        this.segment = segment;
        this.rows = rows;
        this.columns = columns;
        this.rowStride = rowStride;
    }

    /**
     * Allocates a matrix of zeros, 64-byte aligned, its rows lying close together. (Java's own arenas give zeros; another must, too.)
     *
     * @param arena the owner of the memory; a shared one if several threads are to work on it
     * @throws IllegalArgumentException if {@code rows} or {@code columns} is negative
     */
    public static Matrix allocate(Arena arena, int rows, int columns) {
        requireShape(rows, columns);
        MemorySegment segment = arena.allocate((long) rows * columns * Float.BYTES, ALIGNMENT);
        return new Matrix(segment, rows, columns, columns);
    }

    /**
     * Allocates a matrix of 64-byte alignment that holds the given values by rows.
     *
     * @throws IllegalArgumentException if there are not {@code rows * columns} values
     */
    public static Matrix of(Arena arena, int rows, int columns, float... values) {
        Matrix matrix = allocate(arena, rows, columns);
        if (values.length != (long) rows * columns) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " has " + (long) rows * columns
                    + " elements, but " + values.length + " values were given");
        }
        MemorySegment.copy(values, 0, matrix.segment, FLOAT, 0, values.length);
        return matrix;
    }

    /** Wraps {@code rows * columns} floats at the start of a segment, rows lying close together. */
    public static Matrix wrap(MemorySegment segment, int rows, int columns) {
        return wrap(segment, rows, columns, columns);
    }

    /**
     * Wraps a caller's segment, without copying.
     *
     * @param segment off-heap memory, at least {@code ((rows - 1) * rowStride + columns) * 4} bytes of it
     * @param rowStride floats from the start of a row to the start of the next, at least {@code columns}
     * @throws IllegalArgumentException if the segment is on the heap or too small, or a dimension or the stride is out of range
     */
    public static Matrix wrap(MemorySegment segment, int rows, int columns, long rowStride) {
        long needed = requireRoom(segment, rows, columns, rowStride, Float.BYTES);
        return new Matrix(segment.asSlice(0, needed), rows, columns, rowStride);
    }

    /** Checks a segment for a matrix, and returns how many of its bytes that takes. */
    static long requireRoom(MemorySegment segment, int rows, int columns, long rowStride, int elementBytes) {
        Objects.requireNonNull(segment, "segment");
        requireShape(rows, columns);
        if (!segment.isNative()) {
            throw new IllegalArgumentException(
                    "a matrix lies off the heap, but this segment is backed by a heap array; copy it");
        }
        if (rowStride < columns) {
            throw new IllegalArgumentException("row stride " + rowStride + " is less than the " + columns + " columns");
        }
        if (rows > 1 && rowStride > (Long.MAX_VALUE / elementBytes - columns) / (rows - 1)) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " with row stride " + rowStride
                    + " is too large to exist");
        }
        long needed = extent(rows, columns, rowStride) * elementBytes;
        if (segment.byteSize() < needed) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " with row stride " + rowStride
                    + " needs " + needed + " bytes, but the segment has " + segment.byteSize());
        }
        return needed;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return columns;
    }

    @Override
    public long rowStride() {
        return rowStride;
    }

    /** Number of elements, {@code rows * columns}. */
    public long size() {
        return (long) rows * columns;
    }

    /** Whether the rows follow each other without a gap, so that the elements are one run of floats. */
    public boolean isContiguous() {
        return rowStride == columns || rows <= 1;
    }

    @Override
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public long offset(int row, int column) {
        return (row * rowStride + column) * Float.BYTES;
    }

    @Override
    public float get(int row, int column) {
        Objects.checkIndex(row, rows);
        Objects.checkIndex(column, columns);
        return segment.get(FLOAT, offset(row, column));
    }

    /** Writes one element. */
    public void set(int row, int column, float value) {
        Objects.checkIndex(row, rows);
        Objects.checkIndex(column, columns);
        segment.set(FLOAT, offset(row, column), value);
    }

    /**
     * A view of {@code rows x columns} elements that begins at (row, column) and shares this matrix's memory.
     *
     * @throws IndexOutOfBoundsException if the view would leave this matrix
     */
    public Matrix view(int row, int column, int rows, int columns) {
        Objects.checkFromIndexSize(row, rows, this.rows);
        Objects.checkFromIndexSize(column, columns, this.columns);
        long length = extent(rows, columns, rowStride) * Float.BYTES;
        return new Matrix(segment.asSlice(length == 0 ? 0 : offset(row, column), length), rows, columns, rowStride);
    }

    /** A view of the rows {@code from} (inclusive) to {@code to} (exclusive). */
    public Matrix rows(int from, int to) {
        Objects.checkFromToIndex(from, to, rows);
        return view(from, 0, to - from, columns);
    }

    /** Sets every element to one value; what lies between the rows stays as it is. */
    public void fill(float value) {
        for (int r = 0; r < rows; r++) {
            long row = r * rowStride;
            for (int c = 0; c < columns; c++) {
                segment.setAtIndex(FLOAT, row + c, value);
            }
        }
    }

    /**
     * Copies another matrix of the same shape into this one.
     *
     * @throws IllegalArgumentException if the shapes differ, or the two share memory without lying in the very same place
     */
    public void copyFrom(Matrix source) {
        source.requireShape("source", rows, columns);
        requireSameOrApart("the copy", "source", source);
        for (int r = 0; columns > 0 && r < rows; r++) {
            MemorySegment.copy(
                    source.segment, source.offset(r, 0), segment, offset(r, 0), (long) columns * Float.BYTES);
        }
    }

    /** The elements by rows, as a new array. */
    public float[] toArray() {
        float[] values = new float[Math.toIntExact(size())];
        for (int r = 0; columns > 0 && r < rows; r++) {
            MemorySegment.copy(segment, FLOAT, offset(r, 0), values, r * columns, columns);
        }
        return values;
    }

    @Override
    public Matrix requireShape(String name, int rows, int columns) {
        ReadableMatrix.super.requireShape(name, rows, columns);
        return this;
    }

    /**
     * Whether this matrix and another may have an element in common. Views of one matrix that show different columns do not,
     * although their segments interleave; where the row strides differ, interleaved segments count as overlapping.
     */
    public boolean overlaps(Matrix other) {
        if (!ReadableMatrix.touch(this, other.segment)) {
            return false;
        }
        if (rowStride != other.rowStride || rowStride > Long.MAX_VALUE / Float.BYTES) {
            return true;
        }
        long apart = Math.floorMod(other.segment.address() - segment.address(), rowStride * Float.BYTES);
        return apart < (long) columns * Float.BYTES
                || apart + (long) other.columns * Float.BYTES > rowStride * Float.BYTES;
    }

    /**
     * Checks that this matrix shares no memory with another.
     *
     * @param name what to call this matrix in the message
     * @param otherName what to call the other one
     * @param other null is apart from everything
     * @throws IllegalArgumentException if the two {@linkplain #overlaps overlap}
     */
    public void requireApart(String name, String otherName, ReadableMatrix other) {
        boolean shares = other instanceof Matrix matrix
                ? overlaps(matrix)
                : other != null && ReadableMatrix.touch(this, other.segment());
        if (shares) {
            throw new IllegalArgumentException(name + " shares memory with " + otherName);
        }
    }

    /**
     * Checks that this matrix either lies in the very same place as another of its shape, or shares no memory with it.
     *
     * @param name what to call this matrix in the message
     * @param otherName what to call the other one
     * @throws IllegalArgumentException if the two overlap in another way
     */
    public void requireSameOrApart(String name, String otherName, Matrix other) {
        boolean same = segment.address() == other.segment.address()
                && (rowStride == other.rowStride || rows <= 1 && other.rows <= 1);
        if (!same && overlaps(other)) {
            throw new IllegalArgumentException(
                    name + " shares memory with " + otherName + ", but does not lie in the very same place");
        }
    }

    /** The shape, for messages. */
    @Override
    public String toString() {
        return "Matrix[" + rows + " x " + columns + (isContiguous() ? "]" : ", row stride " + rowStride + "]");
    }

    private static void requireShape(int rows, int columns) {
        if (rows < 0 || columns < 0) {
            throw new IllegalArgumentException("a matrix cannot be " + rows + " x " + columns);
        }
    }

    static long extent(int rows, int columns, long rowStride) {
        return rows == 0 || columns == 0 ? 0 : (rows - 1) * rowStride + columns;
    }
}
