package dev.panhead.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * A matrix of {@code rows x columns} floats of 16 bits, to be read: the weight or the hidden states of a model as they lie in its files, in
 * half the memory of float32. Where a {@link ReadableMatrix} is asked for, it is widened block by block on its way into the arithmetic, which
 * is float32's.
 *
 * <p>Element (r, c) lies at number {@code r * rowStride + c} of the segment, in the machine's byte order; no alignment is required. A view
 * without memory of its own; immutable, and as safe to share between threads as its segment is.
 */
public final class HalfMatrix implements ReadableMatrix {

    /** What the 16 bits mean. */
    public enum Format {
        /** The upper half of a float32: 8 bits of exponent, 7 of mantissa. */
        BFLOAT16 {
            @Override
            public float widen(short bits) {
                return Float.intBitsToFloat(bits << 16);
            }

            @Override
            public short narrow(float value) {
                int bits = Float.floatToRawIntBits(value);
                if (Float.isNaN(value)) {
                    return (short) (bits >>> 16 | 0x40); // stays one
                }
                return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
            }
        },
        /** IEEE 754 half precision: 5 bits of exponent, 10 of mantissa. */
        FLOAT16 {
            @Override
            public float widen(short bits) {
                return Float.float16ToFloat(bits);
            }

            @Override
            public short narrow(float value) {
                return Float.floatToFloat16(value);
            }
        };

        /** The number that the bits stand for. */
        public abstract float widen(short bits);

        /** The bits of the nearest number, of two the even one; of what is beyond the largest, those of infinity. */
        public abstract short narrow(float value);
    }

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    private final Format format;
    private final MemorySegment segment;
    private final int rows;
    private final int columns;
    private final long rowStride;

    private HalfMatrix(Format format, MemorySegment segment, int rows, int columns, long rowStride) {
        this.format = format;
        this.segment = segment;
        this.rows = rows;
        this.columns = columns;
        this.rowStride = rowStride;
    }

    /** Wraps {@code rows * columns} numbers at the start of a segment, rows lying close together. */
    public static HalfMatrix wrap(Format format, MemorySegment segment, int rows, int columns) {
        return wrap(format, segment, rows, columns, columns);
    }

    /**
     * Wraps a caller's segment, without copying.
     *
     * @param segment off-heap memory, at least {@code ((rows - 1) * rowStride + columns) * 2} bytes of it
     * @param rowStride numbers from the start of a row to the start of the next, at least {@code columns}
     * @throws IllegalArgumentException if the segment is on the heap or too small, or a dimension or the stride is out of range
     */
    public static HalfMatrix wrap(Format format, MemorySegment segment, int rows, int columns, long rowStride) {
        Objects.requireNonNull(format, "format");
        long bytes = Matrix.requireRoom(segment, rows, columns, rowStride, Short.BYTES);
        return new HalfMatrix(format, segment.asSlice(0, bytes), rows, columns, rowStride);
    }

    /** Rounds a matrix to 16 bits, in memory from the arena. */
    public static HalfMatrix of(Arena arena, Format format, Matrix values) {
        MemorySegment segment = arena.allocate(values.size() * Short.BYTES, Matrix.ALIGNMENT);
        for (int r = 0; r < values.rows(); r++) {
            for (int c = 0; c < values.columns(); c++) {
                segment.setAtIndex(SHORT, (long) r * values.columns() + c, format.narrow(values.get(r, c)));
            }
        }
        return wrap(format, segment, values.rows(), values.columns());
    }

    /** What the 16 bits mean. */
    public Format format() {
        return format;
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

    @Override
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public long offset(int row, int column) {
        return (row * rowStride + column) * Short.BYTES;
    }

    @Override
    public float get(int row, int column) {
        Objects.checkIndex(row, rows);
        Objects.checkIndex(column, columns);
        return format.widen(segment.get(SHORT, offset(row, column)));
    }

    /**
     * A view of the rows {@code from} (inclusive) to {@code to} (exclusive).
     *
     * @throws IndexOutOfBoundsException if they are not rows of this matrix
     */
    public HalfMatrix rows(int from, int to) {
        Objects.checkFromToIndex(from, to, rows);
        long bytes = Matrix.extent(to - from, columns, rowStride) * Short.BYTES;
        MemorySegment view = segment.asSlice(bytes == 0 ? 0 : offset(from, 0), bytes);
        return new HalfMatrix(format, view, to - from, columns, rowStride);
    }

    /** The numbers as float32, in memory from the arena. */
    public Matrix toMatrix(Arena arena) {
        Matrix matrix = Matrix.allocate(arena, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                matrix.set(r, c, get(r, c));
            }
        }
        return matrix;
    }

    /** Format and shape, for messages. */
    @Override
    public String toString() {
        return "HalfMatrix[" + format + ", " + rows + " x " + columns
                + (rowStride == columns || rows <= 1 ? "]" : ", row stride " + rowStride + "]");
    }
}
