package dev.panhead.trainer.cli;

import dev.panhead.format.AtomicFile;
import dev.panhead.trainer.loop.Checkpoints;
import dev.panhead.trainer.model.ModelFolder;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Where a training writes: a new folder, or one that a training has written before; never one with anything else in it. */
final class OutputFolder {

    private static final String LOCK = ".lock";

    /** What a training leaves that was killed before its model was whole, or after. */
    private static final Pattern OURS = Pattern.compile(Stream.of(
                    ModelFolder.CONFIG,
                    ModelFolder.MODEL,
                    ModelFolder.VOCABULARY,
                    ModelFolder.METRICS,
                    ModelFolder.METRICS + ".partial",
                    ModelFolder.REPORT,
                    ModelFolder.LOSS_PICTURE)
            .map(Pattern::quote)
            .reduce((a, b) -> a + "|" + b)
            .orElseThrow());

    private final Path lockFile;
    private final FileChannel channel;

    private OutputFolder(Path lockFile, FileChannel channel) {
        this.lockFile = lockFile;
        this.channel = channel;
    }

    /**
     * Checks that a training may write to a folder; changes nothing.
     *
     * @throws IOException if it is no folder or cannot be one, or has something in it that is not a training's
     */
    static void requireOurs(Path folder) throws IOException {
        for (Path above = folder.toAbsolutePath(); above != null; above = above.getParent()) {
            if (Files.exists(above)) {
                if (!Files.isDirectory(above)) {
                    throw new IOException("--out " + folder + ": " + above + " is a file, not a folder");
                }
                break;
            }
        }
        if (!Files.isDirectory(folder)) {
            return;
        }
        if (Files.exists(folder.resolve(ModelFolder.CONFIG))) {
            if (!ModelFolder.isModel(folder)) {
                throw new IOException("--out " + folder + " holds a model of another program: name a new folder");
            }
            return;
        }
        List<String> names;
        try (Stream<Path> content = Files.list(folder)) {
            names = content.map(path -> path.getFileName().toString()).toList();
        }
        boolean begun = names.contains(ModelFolder.METRICS + ".partial") || names.contains(ModelFolder.METRICS);
        for (String name : names) {
            boolean ours = name.equals(LOCK)
                    || begun
                            && (OURS.matcher(name).matches()
                                    || name.equals(Checkpoints.FOLDER)
                                    || AtomicFile.isTemporary(name));
            if (!ours) {
                throw new IOException("--out " + folder + " holds other files and no model: name a new folder");
            }
        }
    }

    /**
     * Makes the folder, keeps other trainings away from it, and removes what one that was killed had begun to write.
     *
     * @throws IOException if another training is at it
     */
    static OutputFolder open(Path folder) throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (NoSuchFileException e) { // where there can be no folders
            throw new IOException("--out " + folder + " cannot be made", e);
        }
        Path lockFile = folder.resolve(LOCK);
        FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        if (lock == null) {
            channel.close();
            throw new IOException("--out " + folder + ": another training is writing there");
        }
        AtomicFile.deleteTemporaries(folder, name -> OURS.matcher(name).matches());
        return new OutputFolder(lockFile, channel);
    }

    /** Lets others in. */
    void close() throws IOException {
        try (channel) {
            Files.deleteIfExists(lockFile);
        }
    }
}
