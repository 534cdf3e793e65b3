package dev.panhead.trainer.data;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import java.util.UUID;

/**
 * Numbers that are written one after the other, little-endian, and then read as memory: more of them than memory can hold.
 *
 * <p>On POSIX systems the file is out of its folder before anything is written to it, so that nothing stays behind however the
 * process ends; elsewhere it is deleted when the process exits. Its space is free again when the arena it was mapped into is
 * closed. One thread at a time.
 */
final class TemporaryFile implements AutoCloseable {

    private static final int PIECE = 1 << 16;

    private final Path folder;
    private final FileChannel channel;
    private final ByteBuffer piece = ByteBuffer.allocateDirect(PIECE).order(ByteOrder.LITTLE_ENDIAN);

    /** A file in the system's folder for them, which {@code java.io.tmpdir} names. */
    static TemporaryFile create() throws IOException {
        return create(Path.of(System.getProperty("java.io.tmpdir")));
    }

    /** A file in a folder. */
    static TemporaryFile create(Path folder) throws IOException {
        Path file = folder.resolve("panhead-" + UUID.randomUUID() + ".tmp");
        FileChannel channel;
        try {
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw failure(folder, e);
        }
        try {
            if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                Files.delete(file); // what is open stays readable and writable
            } else {
                file.toFile().deleteOnExit();
            }
        } catch (IOException e) {
            channel.close();
            throw failure(folder, e);
        }
        return new TemporaryFile(folder, channel);
    }

    /** A file that is open. The folder is for messages. */
    TemporaryFile(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    private static IOException failure(Path folder, IOException cause) {
        String reason =
                switch (cause) {
                    case NoSuchFileException none -> "there is no such folder";
                    case AccessDeniedException denied -> "permission denied";
                    case FileSystemException other -> Objects.requireNonNullElse(other.getReason(), cause.getMessage());
                    default -> cause.getMessage();
                };
        return new IOException(
                "the temporary folder " + folder + " cannot be written: " + reason
                        + "; java -Djava.io.tmpdir=FOLDER names another",
                cause);
    }

    void putByte(int value) throws IOException {
        room(Byte.BYTES).put((byte) value);
    }

    void putInt(int value) throws IOException {
        room(Integer.BYTES).putInt(value);
    }

    void putLong(long value) throws IOException {
        room(Long.BYTES).putLong(value);
    }

    private ByteBuffer room(int bytes) throws IOException {
        if (piece.remaining() < bytes) {
            flush();
        }
        return piece;
    }

    private void flush() throws IOException {
        piece.flip();
        try {
            while (piece.hasRemaining()) {
                channel.write(piece);
            }
        } catch (IOException e) {
            throw failure(folder, e);
        }
        piece.clear();
    }

    /** All that was written, read-only, for as long as the arena is open. */
    MemorySegment map(Arena arena) throws IOException {
        flush();
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw failure(folder, e);
        }
    }

    /** Ends the writing; what was mapped stays. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
