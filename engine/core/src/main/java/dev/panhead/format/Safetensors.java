package dev.panhead.format;

import dev.panhead.format.HeaderParser.Entry;
import dev.panhead.format.HeaderParser.Header;
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
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/**
 * A safetensors file, memory-mapped: named tensors behind a JSON header, as Hugging Face's library writes them.
 *
 * <p>The header is checked as a whole when the file is opened: every tensor must lie within the file, sized as its shape says,
 * and the tensors must fill the data without gap or overlap. The mapping lives as long as the arena; the file must not be truncated or written to while it
 * does, since Java ends a process whose vectors meet a page that is gone: put a new file in its place ({@link AtomicFile} does), or copy what was
 * read ({@link Matrix#copyFrom}). Immutable; safe to share between threads if the arena is.
 */
public final class Safetensors {

    /** What the format allows a header. */
    static final long MAX_HEADER = 100_000_000;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /**
     * One tensor.
     *
     * @param name its name in the file
     * @param type its elements' type
     * @param shape its dimensions, outermost first; empty for a scalar
     * @param data its bytes, little-endian, read-only, mapped
     */
    public record Tensor(String name, DType type, List<Long> shape, MemorySegment data) {}

    private final Path path;
    private final Map<String, Tensor> tensors;
    private final Map<String, String> metadata;

    private Safetensors(Path path, Map<String, Tensor> tensors, Map<String, String> metadata) {
        this.path = path;
        this.tensors = Collections.unmodifiableMap(tensors);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * Opens a file.
     *
     * @param arena what the mapping lives as long as; shared, if several threads are to read it
     * @throws FormatException if the file is not a well-formed safetensors file: says which file, what and where
     * @throws IOException if the file cannot be read
     */
    public static Safetensors open(Path path, Arena arena) throws IOException {
        MemorySegment file = MappedFile.map(path, arena);
        long size = file.byteSize();
        try {
            if (size < Long.BYTES) {
                throw new FormatException("a safetensors file has at least 8 bytes, but this has " + size);
            }
            long headerBytes = file.get(LONG, 0);
            if (headerBytes < 2 || headerBytes > MAX_HEADER || headerBytes > size - Long.BYTES) {
                throw new FormatException(
                        "not a safetensors file, or a damaged one: it begins with a header's length of " + headerBytes
                                + " bytes, and has " + size);
            }
            MemorySegment data = file.asSlice(Long.BYTES + headerBytes);
            String header = decode(file.asSlice(Long.BYTES, headerBytes));
            Header description = new HeaderParser(header).parse();
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (Map.Entry<String, Entry> entry : description.tensors().entrySet()) {
                tensors.put(entry.getKey(), tensor(entry.getKey(), entry.getValue(), data));
            }
            requireFilled(tensors, data);
            return new Safetensors(path, tensors, description.metadata());
        } catch (FormatException e) {
            throw new FormatException(path + ": " + e.getMessage(), e);
        }
    }

    private static String decode(MemorySegment bytes) throws FormatException {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(bytes.asByteBuffer())
                    .toString();
        } catch (CharacterCodingException e) {
            throw new FormatException("the header is not UTF-8", e);
        }
    }

    private static Tensor tensor(String name, Entry entry, MemorySegment data) throws FormatException {
        DType type;
        try {
            type = DType.valueOf(entry.dtype());
        } catch (IllegalArgumentException e) {
            throw new FormatException("tensor " + name + " has the unknown dtype " + entry.dtype(), e);
        }
        List<Long> shape = entry.shape();
        long bytes = Elements.bytes("tensor " + name, type, shape);
        List<Long> offsets = entry.offsets();
        if (offsets.size() != 2) {
            throw new FormatException("tensor " + name + " has " + offsets.size() + " data_offsets instead of 2");
        }
        long from = offsets.get(0);
        long to = offsets.get(1);
        if (from > to || to > data.byteSize()) {
            throw new FormatException("tensor " + name + " has data_offsets " + offsets + ", but there are "
                    + data.byteSize() + " bytes of data");
        }
        if (to - from != bytes) {
            throw new FormatException("tensor " + name + " of " + type + " " + shape + " takes " + bytes
                    + " bytes, but its data_offsets span " + (to - from));
        }
        return new Tensor(name, type, shape, data.asSlice(from, bytes));
    }

    private static void requireFilled(Map<String, Tensor> tensors, MemorySegment data) throws FormatException {
        List<Tensor> inOrder = new ArrayList<>(tensors.values());
        inOrder.sort((a, b) -> a.data.address() != b.data.address()
                ? Long.compare(a.data.address(), b.data.address())
                : Long.compare(a.data.byteSize(), b.data.byteSize()));
        long end = data.address();
        for (Tensor tensor : inOrder) {
            if (tensor.data.address() != end) {
                throw new FormatException("tensor " + tensor.name + " begins at data byte "
                        + (tensor.data.address() - data.address()) + ", where "
                        + (end - data.address()) + " was expected");
            }
            end += tensor.data.byteSize();
        }
        if (end != data.address() + data.byteSize()) {
            throw new FormatException("there are " + (data.address() + data.byteSize() - end)
                    + " bytes of data that belong to no tensor");
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** The tensors' names, in the header's order. */
    public Set<String> names() {
        return tensors.keySet();
    }

    /** The header's free-form metadata. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * One tensor.
     *
     * @throws FormatException if there is none of that name
     */
    public Tensor tensor(String name) throws FormatException {
        Tensor tensor = tensors.get(name);
        if (tensor == null) {
            throw new FormatException(path + ": there is no tensor " + name + " among "
                    + (names().size() > 20 ? names().size() + " others" : names()));
        }
        return tensor;
    }

    /**
     * A tensor of one or two dimensions as a matrix; one dimension gives a row vector. F32 is viewed where it lies in the file,
     * read-only; BF16 and F16 are widened into memory from the arena.
     *
     * @throws FormatException if there is no such tensor, or it has another type or more dimensions
     */
    public Matrix matrix(String name, Arena arena) throws FormatException {
        return elements(name).matrix(arena);
    }

    /**
     * A tensor of one or two dimensions of F32, BF16 or F16 where it lies in the file, read-only; one dimension gives a row vector. On a
     * machine that is not little-endian, a copy in memory from the arena.
     *
     * @throws FormatException if there is no such tensor, or it has another type or more dimensions
     */
    public ReadableMatrix view(String name, Arena arena) throws FormatException {
        return elements(name).view(arena);
    }

    /**
     * A one-dimensional tensor of integers (of any type but U64) as targets, in memory from the arena.
     *
     * @throws FormatException if there is no such tensor, it has another type or shape, or a value is beyond 32 bits
     */
    public Ints targets(String name, Arena arena) throws FormatException {
        return elements(name).targets(arena);
    }

    private Elements elements(String name) throws FormatException {
        Tensor tensor = tensor(name);
        return new Elements(path + ": tensor " + name, tensor.type, tensor.shape, tensor.data);
    }

    /**
     * Writes matrices, atomically, as tensors of two dimensions, or of one for those with a single row: a {@link Matrix} as F32, a {@link
     * HalfMatrix} as BF16 or F16, bit by bit. The header has them in the order given; the data of the F32 ones lies before that of
     * the others, so that every number lies at a multiple of its size, as PyTorch wants it.
     *
     * @throws IllegalArgumentException if a matrix is named {@code __metadata__} or is null, or a name or a piece of metadata is null, cannot be encoded, or
     *     makes the header larger than the format allows
     * @throws IOException if the file cannot be written; what was there before is then as it was
     */
    public static void write(
            Path path, SequencedMap<String, ? extends ReadableMatrix> matrices, Map<String, String> metadata)
            throws IOException {
        if (matrices.containsKey(HeaderParser.METADATA)) {
            throw new IllegalArgumentException("no tensor can have the name " + HeaderParser.METADATA);
        }
        matrices.forEach((name, matrix) -> {
            if (matrix == null) {
                throw new IllegalArgumentException("tensor " + name + " is null");
            }
        });
        byte[] header = HeaderWriter.header(matrices, metadata);
        AtomicFile.write(path, channel -> {
            ByteBuffer start = ByteBuffer.allocate(Long.BYTES + header.length).order(ByteOrder.LITTLE_ENDIAN);
            RowWriter.write(channel, start.putLong(header.length).put(header).flip());
            RowWriter.write(channel, HeaderWriter.order(matrices), ByteOrder.nativeOrder());
        });
    }
}
