package dev.panhead.format;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file as memory, to be read. */
final class MappedFile {

    private MappedFile() {}

    /**
     * Maps a whole file, read-only.
     *
     * @param arena what the mapping lives as long as
     * @throws IOException naming the file if it cannot be read, or is a folder or a pipe
     */
    static MemorySegment map(Path path, Arena arena) throws IOException {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            String kind = Files.isDirectory(path) ? "is a folder" : "is neither a file nor a folder";
            throw new FileSystemException(path.toString(), null, kind);
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        }
    }
}
