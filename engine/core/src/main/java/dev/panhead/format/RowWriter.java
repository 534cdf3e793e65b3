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
import java.nio.channels.FileChannel;

/**
 * Writes matrices to a file: little-endian, rows close together. Long runs go from where they lie straight to the file; short
 * rows, and all on a machine that is not little-endian, are gathered first.
 */
final class RowWriter {

    /** Bytes that are gathered. */
    private static final int PIECE = 1 << 18;

    /** Most bytes that are handed to the file at once: a buffer's length is an int. */
    private static final long LONGEST = 1 << 30;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final FileChannel channel;
    private final ByteOrder machine;
    private final MemorySegment piece;
    private long gathered;

    private RowWriter(FileChannel channel, ByteOrder machine, MemorySegment piece) {
        this.channel = channel;
        this.machine = machine;
        this.piece = piece;
    }

    /** Bytes of an element. */
    static int elementBytes(ReadableMatrix matrix) {
        return DType.of(matrix).bits() / Byte.SIZE;
    }

    /** Writes all of some bytes. */
    static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /**
     * Writes matrices one after the other, each in its own type.
     *
     * @param machine the order of bytes in the matrices' memory
     */
    static void write(FileChannel channel, Iterable<? extends ReadableMatrix> matrices, ByteOrder machine)
            throws IOException {
        try (Arena arena = Arena.ofShared()) {
            RowWriter writer = new RowWriter(channel, machine, arena.allocate(PIECE, Matrix.ALIGNMENT));
            for (ReadableMatrix matrix : matrices) {
                writer.write(matrix);
            }
            writer.flush();
        }
    }

    /** Writes integers of 32 bits. */
    static void write(FileChannel channel, Ints values, ByteOrder machine) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            RowWriter writer = new RowWriter(channel, machine, arena.allocate(PIECE, Matrix.ALIGNMENT));
            writer.add(values.segment(), 0, values.segment().byteSize(), Integer.BYTES);
            writer.flush();
        }
    }

    /** Writes numbers of 16 bits as float32. */
    static void writeWidened(FileChannel channel, HalfMatrix matrix) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            RowWriter writer = new RowWriter(channel, ByteOrder.nativeOrder(), arena.allocate(PIECE, Matrix.ALIGNMENT));
            for (int row = 0; row < matrix.rows(); row++) {
                for (int column = 0; column < matrix.columns(); column++) {
                    writer.add(matrix.get(row, column));
                }
            }
            writer.flush();
        }
    }

    private void write(ReadableMatrix matrix) throws IOException {
        int bytes = elementBytes(matrix);
        long row = (long) matrix.columns() * bytes;
        if (matrix.rowStride() == matrix.columns() || matrix.rows() <= 1) {
            add(matrix.segment(), 0, matrix.rows() * row, bytes);
        } else if (row > 0) {
            for (int r = 0; r < matrix.rows(); r++) {
                add(matrix.segment(), matrix.offset(r, 0), row, bytes);
            }
        }
    }

    private void add(MemorySegment from, long offset, long bytes, int elementBytes) throws IOException {
        if (bytes >= PIECE && machine == ByteOrder.LITTLE_ENDIAN) {
            flush();
            for (long done = 0; done < bytes; done += LONGEST) {
                long length = Math.min(LONGEST, bytes - done);
                write(channel, from.asSlice(offset + done, length).asByteBuffer());
            }
            return;
        }
        ValueLayout layout = Elements.layout(elementBytes * Byte.SIZE, machine);
        ValueLayout filed = layout.withOrder(ByteOrder.LITTLE_ENDIAN);
        for (long done = 0; done < bytes; ) {
            long count = Math.min(bytes - done, PIECE - gathered) / elementBytes;
            MemorySegment.copy(from, layout, offset + done, piece, filed, gathered, count);
            done += count * elementBytes;
            gathered += count * elementBytes;
            if (PIECE - gathered < Float.BYTES) {
                flush(); // room for an element of any type is left
            }
        }
    }

    private void add(float value) throws IOException {
        piece.set(FLOAT, gathered, value);
        gathered += Float.BYTES;
        if (gathered == PIECE) {
            flush();
        }
    }

    private void flush() throws IOException {
        write(channel, piece.asSlice(0, gathered).asByteBuffer());
        gathered = 0;
    }
}
