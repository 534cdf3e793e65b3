package dev.panhead.format;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Writes a file whole or not at all: to a temporary file beside it, forced to disk, then renamed over it. */
public final class AtomicFile {

    /** What fills the file. */
    @FunctionalInterface
    public interface Body {
        /** Writes the content to a channel that stands at the start of an empty file. */
        void write(FileChannel channel) throws IOException;
    }

    private static final Pattern TEMPORARY = Pattern.compile("\\.(.+)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.tmp");

    /** Symbolic links to follow; more are a ring. */
    private static final int MOST_LINKS = 40;

    /** How much of a file's name its temporary file has: with all of a long one it would be too long for file systems. */
    private static final int LONGEST_SHOWN = 64;

    private AtomicFile() {}

    /**
     * Writes a file, replacing one that is there, whose permissions it takes over where the file system has POSIX's; what a symbolic link points to, if
     * the path is one. A reader sees the old content or the new; after a failure, the old is as it
     * was and nothing is left behind. Only where the very last step fails, that of forcing the folder to disk, the new content is
     * in place already, but might not outlive a loss of power.
     *
     * @throws NoSuchFileException naming the folder, if there is none to write to
     * @throws FileSystemException if there is something else than a file in its place
     * @throws IOException as the body or the file system throws it; a FileSystemException that names the path, where it names nothing
     */
    public static void write(Path path, Body body) throws IOException {
        Path target = target(path);
        Path folder = requireFolder(target);
        Path temporary = folder.resolve(temporary(target.getFileName().toString()));
        try {
            try (FileChannel channel =
                    FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
                takeOverPermissions(target, temporary);
                body.write(channel);
                channel.force(true);
            }
            replace(target, temporary);
        } catch (IOException e) {
            throw named(path, temporary, e);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** The same failure with the name of what was to be written, where the system gives none, as of a full disk, or that of the temporary file. */
    private static IOException named(Path path, Path temporary, IOException e) {
        FileSystemException named;
        if (e.getClass() == IOException.class) {
            named = new FileSystemException(path.toString(), null, e.getMessage());
        } else if (e instanceof FileSystemException file && temporary.toString().equals(file.getFile())) {
            named = e instanceof AccessDeniedException
                    ? new AccessDeniedException(path.toString())
                    : new FileSystemException(path.toString(), null, file.getReason());
        } else {
            return e;
        }
        named.initCause(e);
        return named;
    }

    private static String temporary(String name) {
        int length = Math.min(name.length(), LONGEST_SHOWN);
        boolean splits = length < name.length() && Character.isHighSurrogate(name.charAt(length - 1));
        return "." + name.substring(0, splits ? length - 1 : length) + "-" + UUID.randomUUID() + ".tmp";
    }

    /** What a path leads to by symbolic links, be it there or not. */
    private static Path target(Path path) throws IOException {
        Path target = path;
        for (int links = 0; Files.isSymbolicLink(target); links++) {
            if (links == MOST_LINKS) {
                throw new FileSystemLoopException(path.toString());
            }
            target = target.resolveSibling(Files.readSymbolicLink(target));
        }
        return target;
    }

    /** Before there is anything to read: a file that not everybody may read stays one. */
    private static void takeOverPermissions(Path from, Path to) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(from, PosixFileAttributeView.class);
        if (view != null && Files.exists(from)) {
            Set<PosixFilePermission> permissions = view.readAttributes().permissions();
            if (!permissions.equals(Files.getPosixFilePermissions(to))) { // there are file systems that know but one
                Files.setPosixFilePermissions(to, permissions);
            }
        }
    }

    /**
     * Writes a file of these bytes, as {@link #write(Path, Body)} does.
     *
     * @throws IOException as the file system throws it
     */
    public static void write(Path path, byte[] content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        write(path, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** Whether a file has a name that only {@link #write(Path, Body)} gives, while it is being written. */
    public static boolean isTemporary(String name) {
        return TEMPORARY.matcher(name).matches();
    }

    /**
     * Deletes the temporary files that writers left which were killed. Nobody may be writing those files.
     *
     * @param names of the files that were to be written
     * @throws IOException as the file system throws it
     */
    public static void deleteTemporaries(Path folder, Predicate<String> names) throws IOException {
        List<Path> temporaries;
        try (Stream<Path> files = Files.list(folder)) {
            temporaries = files.filter(file -> {
                        Matcher name = TEMPORARY.matcher(file.getFileName().toString());
                        return name.matches() && names.test(name.group(1));
                    })
                    .toList();
        }
        for (Path temporary : temporaries) {
            Files.deleteIfExists(temporary);
        }
    }

    /** The folder of a file to be written; that of the temporary file is nothing that an error should name. */
    private static Path requireFolder(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            throw new FileSystemException(path.toString(), null, "is a folder");
        }
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new FileSystemException(path.toString(), null, "is no file, but a device, a pipe or the like");
        }
        Path folder = path.toAbsolutePath().getParent();
        if (Files.notExists(folder)) {
            throw new NoSuchFileException(folder.toString());
        }
        if (!Files.isDirectory(folder)) {
            throw new NotDirectoryException(folder.toString());
        }
        return folder;
    }

    /**
     * Puts a finished file in another's place, or where none was, and makes that durable. A reader of the path sees the old
     * content or the new.
     *
     * @param path the file to be replaced
     * @param finished the file that takes its place and name, in the same folder, its content already forced to disk
     * @throws IOException if it cannot be put there, or the folder, which can be opened, cannot be forced to disk
     */
    public static void replace(Path path, Path finished) throws IOException {
        try {
            Files.move(finished, path, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(finished, path, StandardCopyOption.REPLACE_EXISTING);
        }
        forceFolder(path.toAbsolutePath().getParent());
    }

    /** Makes the rename durable, where a folder can be opened; elsewhere that is the file system's affair. */
    private static void forceFolder(Path folder) throws IOException {
        FileChannel opened;
        try {
            opened = FileChannel.open(folder, StandardOpenOption.READ);
        } catch (AccessDeniedException closed) {
            return; // Windows opens no folder, and elsewhere one may be writable but not readable
        }
        try (FileChannel channel = opened) {
            channel.force(true);
        }
    }
}
