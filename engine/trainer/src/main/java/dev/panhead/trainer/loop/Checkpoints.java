package dev.panhead.trainer.loop;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.format.AtomicFile;
import dev.panhead.format.FormatException;
import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * States of a training in a folder, each one safetensors file: written whole or not at all, forced to disk, checked by a CRC-32C
 * over state, names and numbers when read. The last few are kept, and the best parameters that the newest knows of.
 */
public final class Checkpoints {

    /** The folder's name beside a model. */
    public static final String FOLDER = "checkpoints";

    private static final String STATE = "state";
    private static final String CHECKSUM = "crc32c";
    private static final Pattern NAME = Pattern.compile("(step|best)-(\\d{1,18})\\.safetensors");

    /** Bytes that are summed at once. */
    private static final long PIECE = 1L << 30;

    private final Path folder;
    private final long every;
    private final int keep;

    /** The checkpoints that this training has written or was resumed from, and the best parameters that each knows of. */
    private final Map<Path, Path> kept = new HashMap<>();

    /**
     * The checkpoints in a folder, which need not be there yet.
     *
     * @param every steps between two checkpoints, or 0 for one after each look at what is held out
     * @param keep how many are kept, at least 1
     */
    public Checkpoints(Path folder, long every, int keep) {
        TrainingOptions.require(every >= 0, "checkpoint-every", every, "at least 0");
        TrainingOptions.require(keep >= 1, "keep", keep, "at least 1");
        this.folder = folder;
        this.every = every;
        this.keep = keep;
    }

    /** Whether one is due after a step. */
    boolean due(long step, boolean looked) {
        return every > 0 ? step % every == 0 : looked;
    }

    /** Whether there is any. */
    public boolean isEmpty() throws IOException {
        return files("step").isEmpty();
    }

    /**
     * Writes a checkpoint and drops those that are too many.
     *
     * @param options what it must be resumed with
     * @return its file
     */
    Path save(TrainingState state, Map<String, Object> options, SequencedMap<String, Matrix> tensors)
            throws IOException {
        Path path = path("step", state.step());
        write(path, state.toJson(options), tensors);
        kept.put(path, path("best", state.bestStep()));
        List<Path> saved = files("step");
        int newest = saved.indexOf(path);
        for (int i = 0; i < saved.size(); i++) {
            if (i > newest
                    || i <= newest - keep) { // a later one was broken and left out when this training was resumed
                Files.deleteIfExists(saved.get(i));
                kept.remove(saved.get(i));
            }
        }
        keepBests(path("best", state.bestStep()));
        return path;
    }

    /** Writes the best parameters so far; of earlier ones, those stay that a checkpoint knows of. */
    void saveBest(long step, SequencedMap<String, Matrix> parameters) throws IOException {
        Path path = path("best", step);
        write(path, "{}", parameters);
        keepBests(path);
    }

    private void keepBests(Path newest) throws IOException {
        for (Path best : files("best")) {
            if (!best.equals(newest) && !kept.containsValue(best)) {
                Files.deleteIfExists(best);
            }
        }
    }

    /** Reads the parameters that were the best at a step. */
    void loadBest(long step, Map<String, Matrix> parameters) throws IOException {
        read(path("best", step), parameters);
    }

    /**
     * Reads the newest checkpoint that is whole.
     *
     * @param options those of the training that is to go on
     * @param mayDiffer the names of those that need not be the same
     * @param tensors where the numbers go; untouched if there is no checkpoint
     * @param broken is told of newer ones that are not whole
     * @return the state, or null if there is no checkpoint
     * @throws IOException if the newest whole one is of a training with other options
     */
    TrainingState resume(
            Map<String, Object> options, Set<String> mayDiffer, Map<String, Matrix> tensors, Consumer<String> broken)
            throws IOException {
        if (Files.isDirectory(folder)) {
            AtomicFile.deleteTemporaries(folder, name -> NAME.matcher(name).matches());
        }
        for (Path path : files("step").reversed()) {
            try {
                Map<String, Object> json = JSON.std.mapFrom(read(path, Map.of()));
                TrainingState state = TrainingState.of(json);
                Path best = path("best", state.bestStep());
                if (state.hasBest()) {
                    read(best, Map.of());
                }
                requireSame(path, options, json.get("options"), mayDiffer);
                read(path, tensors);
                kept.put(path, best);
                return state;
            } catch (FormatException | NoSuchFileException e) {
                broken.accept(e.getMessage());
            }
        }
        return null;
    }

    private static void requireSame(Path path, Map<String, Object> options, Object saved, Set<String> mayDiffer)
            throws IOException {
        Map<?, ?> was = saved instanceof Map<?, ?> map ? map : Map.of();
        List<String> differences = new ArrayList<>();
        boolean mayAll = true;
        for (var option : options.entrySet()) {
            String name = option.getKey();
            if (!mayDiffer.contains(name) && !String.valueOf(option.getValue()).equals(String.valueOf(was.get(name)))) {
                differences.add(name + " was " + was.get(name) + " and is " + option.getValue());
                mayAll &= TrainingOptions.CHANGEABLE.contains(name);
            }
        }
        if (!differences.isEmpty()) {
            throw new IOException(path + " is of another training: " + String.join("; ", differences)
                    + (mayAll ? "; --allow-changes goes on with that" : ""));
        }
    }

    /** Deletes all, the oldest first: whenever that ends, what is left can be resumed. */
    public void clear() throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        for (Path path : files("step")) {
            Files.deleteIfExists(path);
        }
        for (Path path : files("best")) {
            Files.deleteIfExists(path);
        }
        AtomicFile.deleteTemporaries(folder, name -> NAME.matcher(name).matches());
        try (Stream<Path> rest = Files.list(folder)) {
            if (rest.findAny().isPresent()) {
                return;
            }
        }
        Files.deleteIfExists(folder);
    }

    private Path path(String kind, long step) {
        return folder.resolve(kind + "-" + step + ".safetensors");
    }

    /** The files of a kind, by step; what an interrupted writer left behind is not among them. */
    private List<Path> files(String kind) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        record Numbered(long step, Path path) {}
        try (Stream<Path> all = Files.list(folder)) {
            return all.flatMap(path -> {
                        Matcher name = NAME.matcher(path.getFileName().toString());
                        return name.matches() && name.group(1).equals(kind)
                                ? Stream.of(new Numbered(Long.parseLong(name.group(2)), path))
                                : Stream.empty();
                    })
                    .sorted(Comparator.comparingLong(Numbered::step))
                    .map(Numbered::path)
                    .toList();
        }
    }

    private void write(Path path, String state, SequencedMap<String, Matrix> tensors) throws IOException {
        Files.createDirectories(folder);
        CRC32C sum = begin(state);
        tensors.forEach((name, matrix) -> add(sum, name, matrix.segment()));
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(STATE, state);
        metadata.put(CHECKSUM, hex(sum));
        Safetensors.write(path, tensors, metadata);
    }

    /** Checks a file, copies what is asked for out of it and returns its state. */
    private static String read(Path path, Map<String, Matrix> tensors) throws IOException {
        // Shared, as the engine's memory is: where none has been confined, its loops are compiled to less.
        try (Arena mapping = Arena.ofShared()) {
            Safetensors file = Safetensors.open(path, mapping);
            String state = file.metadata().get(STATE);
            if (state == null) {
                throw new FormatException(path + ": this is no checkpoint, it has no " + STATE);
            }
            CRC32C sum = begin(state);
            for (String name : file.names()) {
                add(sum, name, file.tensor(name).data());
            }
            if (!hex(sum).equals(file.metadata().get(CHECKSUM))) {
                throw new FormatException(path + ": the checksum is " + hex(sum) + ", not the recorded "
                        + file.metadata().get(CHECKSUM));
            }
            for (Map.Entry<String, Matrix> tensor : tensors.entrySet()) {
                try {
                    tensor.getValue().copyFrom(file.matrix(tensor.getKey(), mapping));
                } catch (IllegalArgumentException e) {
                    throw new IOException(path + ": " + tensor.getKey() + " does not fit: " + e.getMessage(), e);
                }
            }
            return state;
        }
    }

    private static CRC32C begin(String state) {
        CRC32C sum = new CRC32C();
        sum.update(state.getBytes(StandardCharsets.UTF_8));
        return sum;
    }

    private static void add(CRC32C sum, String name, MemorySegment data) {
        sum.update(name.getBytes(StandardCharsets.UTF_8));
        for (long from = 0; from < data.byteSize(); from += PIECE) {
            sum.update(
                    data.asSlice(from, Math.min(PIECE, data.byteSize() - from)).asByteBuffer());
        }
    }

    private static String hex(CRC32C sum) {
        return String.format(Locale.ROOT, "%08x", sum.getValue());
    }
}
