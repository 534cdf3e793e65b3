package dev.panhead.trainer.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * A text as bytes. Files are joined in the order given, those of a folder or an archive in the order of their names; bytes that
 * are not valid UTF-8 stay as they are.
 */
public final class Corpus {

    private final byte[] text;

    private Corpus(byte[] text) {
        this.text = text;
    }

    /** A text in memory. */
    public static Corpus of(byte[] text) {
        return new Corpus(text.clone());
    }

    /**
     * Reads files, folders (with what is below them; hidden files are passed over) and {@code .zip} archives.
     *
     * @throws IOException if one cannot be read, or nothing is in them: says which
     */
    public static Corpus read(List<Path> paths) throws IOException {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (Path path : paths) {
            if (!Files.exists(path)) {
                throw new IOException("there is no file or folder " + path);
            }
            if (Files.isDirectory(path)) {
                readFolder(path, joined);
            } else {
                readFile(path, joined);
            }
        }
        if (joined.size() == 0) {
            throw new IOException("there is no text in " + (paths.size() == 1 ? paths.getFirst() : paths));
        }
        return new Corpus(joined.toByteArray());
    }

    private static void readFolder(Path folder, ByteArrayOutputStream joined) throws IOException {
        List<Path> files;
        try (Stream<Path> below = Files.walk(folder)) {
            files = below.filter(Files::isRegularFile)
                    .filter(file -> !isHidden(folder.relativize(file)))
                    .sorted()
                    .toList();
        }
        for (Path file : files) {
            readFile(file, joined);
        }
    }

    private static boolean isHidden(Path relative) {
        for (Path part : relative) {
            if (part.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }

    private static void readFile(Path file, ByteArrayOutputStream joined) throws IOException {
        if (!Files.isReadable(file)) {
            throw new IOException("the file " + file + " cannot be read");
        }
        if (file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".zip")) {
            readArchive(file, joined);
        } else {
            joined.writeBytes(Files.readAllBytes(file));
        }
    }

    private static void readArchive(Path file, ByteArrayOutputStream joined) throws IOException {
        record Entry(String name, byte[] content) {}
        List<Entry> entries = new java.util.ArrayList<>();
        try (InputStream in = Files.newInputStream(file);
                ZipInputStream zip = new ZipInputStream(in)) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                if (!entry.isDirectory()) {
                    entries.add(new Entry(entry.getName(), zip.readAllBytes()));
                }
            }
        } catch (java.util.zip.ZipException e) {
            throw new IOException("the archive " + file + " is broken: " + e.getMessage(), e);
        }
        if (entries.isEmpty()) {
            throw new IOException("there is no file in the archive " + file + ", or it is none");
        }
        entries.sort(java.util.Comparator.comparing(Entry::name));
        entries.forEach(entry -> joined.writeBytes(entry.content()));
    }

    /** Number of bytes. */
    public int size() {
        return text.length;
    }

    /** The byte at a position, 0 to 255; 0 before the start. */
    public int at(int position) {
        return position < 0 ? 0 : text[position] & 0xff;
    }

    /** The first bytes, {@code count} of them or all. */
    public byte[] head(int count) {
        return Arrays.copyOf(text, Math.min(count, text.length));
    }

    /**
     * The text without its last tenth, and where that begins.
     *
     * @return the position at which the held-out part begins
     * @throws IOException if the text is too short for a context and a held-out part
     */
    public int heldOutStart(int context) throws IOException {
        int start = text.length - text.length / 10;
        if (start <= context || start == text.length) {
            throw new IOException("the text has " + text.length + " bytes, too few for a context of " + context
                    + " bytes and a held-out tenth");
        }
        return start;
    }
}
