package dev.panhead.format;

import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * An array of numbers in a file, whatever the format: little-endian, the last dimension running fastest.
 *
 * @param where the file and the array, for messages
 * @param type the numbers' type
 * @param shape the dimensions, outermost first; empty for a scalar
 * @param data the bytes, as many as type and shape say
 */
record Elements(String where, DType type, List<Long> shape, MemorySegment data) {

    /** The types of targets: those whose values are all longs. */
    private static final Set<DType> INTEGERS =
            EnumSet.of(DType.U8, DType.I8, DType.U16, DType.I16, DType.U32, DType.I32, DType.I64);

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * Bytes that an array takes.
     *
     * @param name what to call it in messages
     * @throws FormatException if they are too many to be counted, or do not fill whole bytes
     */
    static long bytes(String name, DType type, List<Long> shape) throws FormatException {
        long bits = type.bits();
        for (long n : shape) {
            if (n > 0 && bits > Long.MAX_VALUE / n) {
                throw new FormatException(name + " of shape " + shape + " is too large to exist");
            }
            bits *= n;
        }
        if (bits % Byte.SIZE != 0) {
            throw new FormatException(name + " of " + type + " " + shape + " does not fill whole bytes");
        }
        return bits / Byte.SIZE;
    }

    /** One or two dimensions of floats as float32: see {@link Safetensors#matrix}. */
    Matrix matrix(Arena arena) throws FormatException {
        return switch (view(arena)) {
            case Matrix floats -> floats;
            case HalfMatrix halves -> halves.toMatrix(arena);
        };
    }

    /** One or two dimensions of floats as they lie: see {@link Safetensors#view}. */
    ReadableMatrix view(Arena arena) throws FormatException {
        int dimensions = shape.size();
        if (dimensions != 1 && dimensions != 2) {
            throw new FormatException(where + " has shape " + shape + ", not that of a matrix"
                    + (dimensions == 0 ? "" : ": reshape it to (-1, " + shape.getLast() + ")"));
        }
        int rows = dimensions == 1 ? 1 : dimension(0);
        int columns = dimension(dimensions - 1);
        return switch (type) {
            case F32 -> Matrix.wrap(inOrder(arena, ByteOrder.nativeOrder()), rows, columns);
            case BF16 ->
                HalfMatrix.wrap(HalfMatrix.Format.BFLOAT16, inOrder(arena, ByteOrder.nativeOrder()), rows, columns);
            case F16 ->
                HalfMatrix.wrap(HalfMatrix.Format.FLOAT16, inOrder(arena, ByteOrder.nativeOrder()), rows, columns);
            default -> throw new FormatException(where + " is of " + type + ", not of F32, BF16 or F16: convert it");
        };
    }

    /** The bytes of numbers of 16 or 32 bits in a machine's order: where they lie, if that is the file's, and a copy if not. */
    MemorySegment inOrder(Arena arena, ByteOrder machine) {
        if (machine == ByteOrder.LITTLE_ENDIAN) {
            return data;
        }
        MemorySegment turned = arena.allocate(data.byteSize(), Matrix.ALIGNMENT);
        ValueLayout from = layout(type.bits(), ByteOrder.LITTLE_ENDIAN);
        MemorySegment.copy(data, from, 0, turned, from.withOrder(machine), 0, data.byteSize() / from.byteSize());
        return turned;
    }

    /** How numbers of 16 or 32 bits lie in one order of bytes; a copy from one order to the other turns them. */
    static ValueLayout layout(int bits, ByteOrder order) {
        return (bits == Short.SIZE ? ValueLayout.JAVA_SHORT_UNALIGNED : ValueLayout.JAVA_INT_UNALIGNED)
                .withOrder(order);
    }

    /** One dimension of integers: see {@link Safetensors#targets}. */
    Ints targets(Arena arena) throws FormatException {
        if (!INTEGERS.contains(type)) {
            throw new FormatException(where + " is of " + type + ", which targets cannot be: convert it to I64");
        }
        if (shape.size() != 1) {
            throw new FormatException(where + " has shape " + shape + ", not a single dimension: reshape it to (-1)");
        }
        Ints targets = Ints.allocate(arena, dimension(0));
        for (int i = 0; i < targets.size(); i++) {
            long value = integer(i);
            if (value != (int) value) {
                throw new FormatException(where + " holds " + value + " at " + i + ", which is beyond 32 bits");
            }
            targets.set(i, (int) value);
        }
        return targets;
    }

    /** An integer of {@link #INTEGERS}. */
    private long integer(long index) {
        return switch (type) {
            case U8 -> Byte.toUnsignedLong(data.getAtIndex(ValueLayout.JAVA_BYTE, index));
            case I8 -> data.getAtIndex(ValueLayout.JAVA_BYTE, index);
            case U16 -> Short.toUnsignedLong(data.getAtIndex(SHORT, index));
            case I16 -> data.getAtIndex(SHORT, index);
            case U32 -> Integer.toUnsignedLong(data.getAtIndex(INT, index));
            case I32 -> data.getAtIndex(INT, index);
            case I64 -> data.getAtIndex(LONG, index);
            default -> throw new IllegalStateException(type.toString());
        };
    }

    private int dimension(int axis) throws FormatException {
        long n = shape.get(axis);
        if (n != (int) n) {
            throw new FormatException(where + " has a dimension of " + n);
        }
        return (int) n;
    }
}
