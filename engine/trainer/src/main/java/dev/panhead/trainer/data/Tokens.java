package dev.panhead.trainer.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;

/**
 * A sequence of tokens, off the heap, as long as you like. Immutable; as safe to share between threads as the arena it was read
 * into.
 */
public final class Tokens {

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment ids;
    private final Tokenizer tokenizer;
    private final boolean narrow;
    private final int boundary;
    private final long size;

    /** Tokens of a tokenizer: of bytes, a byte each, else a little-endian int each. */
    Tokens(MemorySegment ids, Tokenizer tokenizer) {
        this.ids = ids;
        this.tokenizer = tokenizer;
        narrow = isNarrow(tokenizer);
        boundary = tokenizer.boundary();
        size = narrow ? ids.byteSize() : ids.byteSize() / Integer.BYTES;
    }

    /** Tokens of a text in memory, on the heap. */
    public static Tokens of(byte[] text, Tokenizer tokenizer) throws TextException {
        if (isNarrow(tokenizer)) {
            return new Tokens(MemorySegment.ofArray(text.clone()).asReadOnly(), tokenizer);
        }
        IntStream.Builder ids = IntStream.builder();
        tokenizer.encode(text, ids);
        int[] array = ids.build().toArray();
        MemorySegment segment = MemorySegment.ofArray(new byte[Math.multiplyExact(array.length, Integer.BYTES)]);
        for (int i = 0; i < array.length; i++) {
            segment.setAtIndex(INT, i, array[i]);
        }
        return new Tokens(segment.asReadOnly(), tokenizer);
    }

    /** Whether a token takes a byte. */
    static boolean isNarrow(Tokenizer tokenizer) {
        return tokenizer instanceof ByteTokenizer;
    }

    /** How many there are. */
    public long size() {
        return size;
    }

    /**
     * The token at a position; before the first, there is the boundary.
     *
     * @throws IndexOutOfBoundsException if the position is not before the end
     */
    public int at(long position) {
        if (position < 0) {
            return boundary;
        }
        return narrow ? Byte.toUnsignedInt(ids.get(ValueLayout.JAVA_BYTE, position)) : ids.getAtIndex(INT, position);
    }

    /**
     * How many bytes of text the tokens from {@code from} (inclusive) to {@code to} (exclusive) say, one by one.
     *
     * @throws IndexOutOfBoundsException if the range is not within the sequence
     */
    public long bytes(long from, long to) {
        Objects.checkFromToIndex(from, to, size);
        if (narrow) {
            return to - from;
        }
        long bytes = 0;
        for (long position = from; position < to; position++) {
            bytes += tokenizer.length(at(position));
        }
        return bytes;
    }

    /** CRC-32C of the tokens: the same for the same tokens, and hardly for others. Reads them all. */
    public long fingerprint() {
        CRC32C crc = new CRC32C();
        addTo(crc);
        return crc.getValue();
    }

    /** Adds them to a checksum. */
    void addTo(CRC32C crc) {
        add(ids, crc);
    }

    /** Adds memory to a checksum. */
    static void add(MemorySegment memory, CRC32C crc) {
        final long most = 1 << 30; // a buffer has at most 2^31 - 1 bytes
        for (long from = 0; from < memory.byteSize(); from += most) {
            crc.update(memory.asSlice(from, Math.min(most, memory.byteSize() - from))
                    .asByteBuffer());
        }
    }
}
