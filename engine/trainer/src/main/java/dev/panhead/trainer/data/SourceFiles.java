package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * The files that paths name, read one after the other: files, folders with what is below them, {@code .gz} files and
 * {@code .zip} archives, in which {@code .gz} files may be. What is in a folder or an archive comes in the order of its names
 * with their folders, {@code /} between them; hidden files are passed over, symbolic links followed. Whether a folder or an archive of it is named makes
 * no difference. {@code -} is standard input, read as it comes.
 */
final class SourceFiles {

    /** What is done with each file. */
    @FunctionalInterface
    interface Reader {
        /**
         * Reads a file to its end.
         *
         * @param name what to call it in messages, with the archive it is in
         */
        void read(String name, InputStream content) throws IOException;
    }

    private static final Path DASH = Path.of("-");
    private static final String STANDARD_INPUT = "standard input";

    private SourceFiles() {}

    /** What to call what was read. */
    static String describe(List<Path> paths) {
        List<String> names = paths.stream()
                .map(path -> path.equals(DASH) ? STANDARD_INPUT : path.toString())
                .toList();
        return names.size() == 1 ? names.getFirst() : names.toString();
    }

    /**
     * Reads all.
     *
     * @throws TextException if an archive or a compressed file is cut off or broken: says which
     * @throws IOException if one cannot be read: says which
     */
    static void read(List<Path> paths, Reader reader) throws IOException {
        for (Path path : paths) {
            if (path.equals(DASH)) {
                reader.read(STANDARD_INPUT, new SourceStream(STANDARD_INPUT, System.in));
                continue;
            }
            if (!Files.exists(path)) {
                throw new IOException("there is no file or folder " + path);
            }
            if (Files.isDirectory(path)) {
                for (Path file : inFolder(path)) {
                    readFile(file, reader);
                }
            } else {
                readFile(path, reader);
            }
        }
    }

    private static List<Path> inFolder(Path folder) throws IOException {
        try (Stream<Path> below = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            return below.filter(Files::isRegularFile)
                    .filter(file -> !isHidden(nameIn(folder, file)))
                    .sorted(Comparator.comparing(file -> nameIn(folder, file)))
                    .toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** The name that an archive of the folder would give a file. */
    private static String nameIn(Path folder, Path file) {
        Path relative = folder.relativize(file);
        return Stream.iterate(0, i -> i < relative.getNameCount(), i -> i + 1)
                .map(i -> relative.getName(i).toString())
                .collect(Collectors.joining("/"));
    }

    private static boolean isHidden(String name) {
        return name.startsWith(".") || name.contains("/.");
    }

    private static boolean isZip(String name) {
        return name.toLowerCase(Locale.ROOT).endsWith(".zip");
    }

    private static void readFile(Path file, Reader reader) throws IOException {
        if (!Files.isReadable(file)) {
            throw new IOException("the file " + file + " cannot be read");
        }
        if (isZip(file.toString())) {
            readArchive(file, reader);
        } else {
            try (InputStream in = Files.newInputStream(file)) {
                readContent(file.toString(), in, reader);
            }
        }
    }

    private static void readArchive(Path file, Reader reader) throws IOException {
        try (ZipFile archive = open(file)) {
            TreeMap<String, ZipEntry> entries = new TreeMap<>();
            for (ZipEntry entry : archive.stream().toList()) {
                if (!entry.isDirectory() && !isHidden(entry.getName()) && entries.put(entry.getName(), entry) != null) {
                    throw new TextException("the archive " + file + " has two entries " + entry.getName());
                }
            }
            if (entries.isEmpty()) {
                throw new TextException("there is no file in the archive " + file);
            }
            for (ZipEntry entry : entries.values()) {
                String name = file + ", entry " + entry.getName();
                if (isZip(entry.getName())) {
                    throw new TextException(name + " is an archive itself: unpack the outer one");
                }
                readEntry(name, archive, entry, reader);
            }
        }
    }

    private static ZipFile open(Path file) throws IOException {
        try {
            return new ZipFile(file.toFile());
        } catch (ZipException e) {
            throw SourceStream.broken(file.toString(), e);
        }
    }

    private static void readEntry(String name, ZipFile archive, ZipEntry entry, Reader reader) throws IOException {
        CheckedInputStream content;
        try {
            content = new CheckedInputStream(archive.getInputStream(entry), new CRC32());
        } catch (ZipException e) {
            throw SourceStream.broken(name, e);
        }
        try (content) {
            readContent(name, content, reader);
            content.skip(Long.MAX_VALUE); // what a decompressor left over
            if (content.getChecksum().getValue() != entry.getCrc()) {
                throw SourceStream.broken(name, new ZipException("its checksum is wrong"));
            }
        }
    }

    private static void readContent(String name, InputStream content, Reader reader) throws IOException {
        if (name.toLowerCase(Locale.ROOT).endsWith(".gz")) {
            InputStream decompressed;
            try {
                decompressed = new GZIPInputStream(content, 1 << 16);
            } catch (ZipException | java.io.EOFException e) {
                throw SourceStream.broken(name, e);
            }
            reader.read(name, new SourceStream(name, decompressed));
        } else {
            reader.read(name, new SourceStream(name, content));
        }
    }
}
