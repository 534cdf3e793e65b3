package dev.panhead.format;

import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * An .npy file, memory-mapped: one array behind a header, as {@code numpy.save} writes it (versions 1.0, 2.0 and 3.0).
 *
 * <p>The header is checked when the file is opened: a little-endian array of plain numbers, stored by rows, that fills the rest of
 * the file to the byte. The mapping lives as long as the arena; the file must not be truncated or written to while it does (see {@link
 * Safetensors}). Immutable; safe to share between threads if the arena is.
 */
public final class Npy {

    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    /** NumPy refuses longer headers too, at a hundredth of this. */
    private static final long MAX_HEADER = 1_000_000;

    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Bytes before the header's text, in version 1.0. */
    private static final int PREFIX = MAGIC.length + 2 + Short.BYTES;

    private final Elements elements;

    private Npy(Elements elements) {
        this.elements = elements;
    }

    /**
     * Opens a file.
     *
     * @param arena what the mapping lives as long as; shared, if several threads are to read it
     * @throws FormatException if the file is not a well-formed .npy file, or its array is big-endian, in Fortran order or not
     *     one of plain numbers: says which file, what and where
     * @throws IOException if the file cannot be read
     */
    public static Npy open(Path path, Arena arena) throws IOException {
        MemorySegment file = MappedFile.map(path, arena);
        try {
            long start = headerStart(file);
            long headerBytes = start == PREFIX
                    ? Short.toUnsignedLong(file.get(SHORT, start - 2))
                    : Integer.toUnsignedLong(file.get(INT, start - 4));
            if (headerBytes > MAX_HEADER || headerBytes > file.byteSize() - start) {
                throw new FormatException(
                        "the header is said to have " + headerBytes + " bytes, in a file of " + file.byteSize());
            }
            boolean latin = file.get(ValueLayout.JAVA_BYTE, MAGIC.length) < 3;
            NpyHeader header = NpyHeader.parse(decode(
                    file.asSlice(start, headerBytes), latin ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8));
            MemorySegment data = file.asSlice(start + headerBytes);
            long bytes = Elements.bytes("the array", header.type(), header.shape());
            if (bytes != data.byteSize()) {
                throw new FormatException("the array of '" + header.descr() + "' " + header.shape() + " takes " + bytes
                        + " bytes, but " + data.byteSize() + " follow the header");
            }
            return new Npy(new Elements(path + ": the array", header.type(), header.shape(), data));
        } catch (FormatException e) {
            throw new FormatException(path + ": " + e.getMessage(), e);
        }
    }

    /** Where the header's text begins: behind the magic bytes, the version and the text's length. */
    private static long headerStart(MemorySegment file) throws FormatException {
        if (file.byteSize() < PREFIX || file.mismatch(MemorySegment.ofArray(MAGIC)) != MAGIC.length) {
            throw new FormatException("this is no .npy file: it does not begin with \\x93NUMPY and a version");
        }
        int major = file.get(ValueLayout.JAVA_BYTE, MAGIC.length);
        int minor = file.get(ValueLayout.JAVA_BYTE, MAGIC.length + 1);
        if (major < 1 || major > 3 || minor != 0) {
            throw new FormatException("the version of the format is " + (major & 0xff) + "." + (minor & 0xff)
                    + ", but those known are 1.0, 2.0 and 3.0");
        }
        int start = major == 1 ? PREFIX : PREFIX + Integer.BYTES - Short.BYTES;
        if (file.byteSize() < start) {
            throw new FormatException("the file ends before its header, after " + file.byteSize() + " bytes");
        }
        return start;
    }

    private static String decode(MemorySegment bytes, Charset charset) throws FormatException {
        try {
            return charset.newDecoder().decode(bytes.asByteBuffer()).toString();
        } catch (CharacterCodingException e) {
            throw new FormatException("the header is not " + charset, e);
        }
    }

    /** The elements' type. */
    public DType dtype() {
        return elements.type();
    }

    /** The dimensions, outermost first; empty for a scalar. */
    public List<Long> shape() {
        return elements.shape();
    }

    /**
     * An array of one or two dimensions of {@code <f4} or {@code <f2} where it lies in the file, read-only; one dimension gives a row
     * vector. On a machine that is not little-endian, a copy in memory from the arena.
     *
     * @return a {@link Matrix}, or a {@link HalfMatrix} of FLOAT16
     * @throws FormatException if the array has another type or more dimensions
     */
    public ReadableMatrix view(Arena arena) throws FormatException {
        return elements.view(arena);
    }

    /**
     * The same as float32: {@code <f4} where it lies, {@code <f2} widened into memory from the arena.
     *
     * @throws FormatException if the array has another type or more dimensions
     */
    public Matrix matrix(Arena arena) throws FormatException {
        return elements.matrix(arena);
    }

    /**
     * An array of one dimension of integers (of any type but {@code <u8}) as targets, in memory from the arena.
     *
     * @throws FormatException if the array has another type or shape, or a value is beyond 32 bits
     */
    public Ints targets(Arena arena) throws FormatException {
        return elements.targets(arena);
    }

    /**
     * Writes a matrix, atomically, as an array of two dimensions, or of one if it has a single row: a {@link Matrix} as {@code <f4}, a {@link
     * HalfMatrix} of FLOAT16 as {@code <f2}, bit by bit. NumPy has no bfloat16: numbers of that format are widened to {@code <f4}, which
     * loses nothing. The version is 1.0, and the data begins at a multiple of 64 bytes.
     *
     * @throws IOException if the file cannot be written; what was there before is then as it was
     */
    public static void write(Path path, ReadableMatrix matrix) throws IOException {
        boolean half = DType.of(matrix) == DType.F16;
        List<Integer> shape = matrix.rows() == 1 ? List.of(matrix.columns()) : List.of(matrix.rows(), matrix.columns());
        byte[] start = start(half ? "<f2" : "<f4", shape);
        AtomicFile.write(path, channel -> {
            RowWriter.write(channel, ByteBuffer.wrap(start));
            if (matrix instanceof HalfMatrix halves && !half) {
                RowWriter.writeWidened(channel, halves);
            } else {
                RowWriter.write(channel, List.of(matrix), ByteOrder.nativeOrder());
            }
        });
    }

    /**
     * Writes integers, targets for one, atomically, as an array of one dimension of {@code <i4}.
     *
     * @throws IOException if the file cannot be written; what was there before is then as it was
     */
    public static void write(Path path, Ints values) throws IOException {
        byte[] start = start("<i4", List.of(values.size()));
        AtomicFile.write(path, channel -> {
            RowWriter.write(channel, ByteBuffer.wrap(start));
            RowWriter.write(channel, values, ByteOrder.nativeOrder());
        });
    }

    /** What stands before the data. */
    private static byte[] start(String descr, List<Integer> shape) {
        byte[] header =
                NpyHeader.text(descr, shape, PREFIX, (int) Matrix.ALIGNMENT).getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer start = ByteBuffer.allocate(PREFIX + header.length).order(ByteOrder.LITTLE_ENDIAN);
        start.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) header.length);
        return start.put(header).array();
    }
}
