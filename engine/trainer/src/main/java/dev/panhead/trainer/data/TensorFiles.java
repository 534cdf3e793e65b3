package dev.panhead.trainer.data;

import dev.panhead.format.Safetensors;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where tensors lie, if not all in one file: the shards of a model or of hidden states.
 *
 * <p>The files of an index are opened when something in them is asked for: those that hold the head are enough to read the head. Used
 * by one thread at a time; the mappings live as long as the arena.
 */
public final class TensorFiles {

    private static final String SUFFIX = ".safetensors";

    /** What the names of other libraries' files of tensors end in, which are often meant. */
    private static final Pattern OTHERS = Pattern.compile("(?i)\\.(npz|pt|pth|bin|ckpt|h5|gguf|onnx|pkl)$");

    private static final String WHOLE = "model.safetensors";
    private static final Pattern FILES = Pattern.compile("\\.safetensors$");
    private static final Pattern INDEXES = Pattern.compile("\\.safetensors\\.index\\.json$");

    private final Path path;
    private final Arena arena;
    private final ShardIndex index;
    private final List<Path> paths;
    private final Map<Path, Safetensors> opened = new HashMap<>();

    private TensorFiles(Path path, Arena arena, ShardIndex index, List<Path> paths) {
        this.path = path;
        this.arena = arena;
        this.index = index;
        this.paths = List.copyOf(paths);
    }

    /**
     * Opens what a path names: a safetensors file; an index of shards, whose name ends in {@code .json}; or a folder. Of a folder,
     * that is {@code model.safetensors}, else its only {@code *.safetensors.index.json}, else all {@code *.safetensors} in the order of
     * their names; hidden files are passed over.
     *
     * @param arena what the mappings live as long as; shared, if several threads are to read the tensors
     * @throws IOException if there is nothing of the kind, or it is broken: says which file and why
     */
    public static TensorFiles open(Path path, Arena arena) throws IOException {
        if (Files.isDirectory(path)) {
            return openFolder(path, arena);
        }
        if (path.toString().endsWith(".json")) {
            ShardIndex index = ShardIndex.read(path);
            return new TensorFiles(
                    path, arena, index, List.copyOf(new TreeSet<>(index.files().values())));
        }
        if (OTHERS.matcher(path.toString()).find()) {
            throw notRead(path);
        }
        return openAll(path, List.of(path), arena);
    }

    private static IOException notRead(Path path) {
        return new IOException(path + ": files of this kind are not read: write " + SUFFIX
                + ", in Python with save_file of safetensors.torch or safetensors.numpy");
    }

    private static TensorFiles openFolder(Path folder, Arena arena) throws IOException {
        if (Files.exists(folder.resolve(WHOLE))) {
            return openAll(folder, List.of(folder.resolve(WHOLE)), arena);
        }
        List<Path> indexes = list(folder, INDEXES);
        if (indexes.size() > 1) {
            throw new IOException(
                    folder + " holds more than one index: name " + indexes.get(0) + " or " + indexes.get(1));
        }
        if (!indexes.isEmpty()) {
            return open(indexes.getFirst(), arena);
        }
        List<Path> files = list(folder, FILES);
        if (files.isEmpty()) {
            List<Path> others = list(folder, OTHERS);
            throw others.isEmpty()
                    ? new IOException("there is no " + SUFFIX + " file in the folder " + folder)
                    : notRead(others.getFirst());
        }
        return openAll(folder, files, arena);
    }

    private static List<Path> list(Path folder, Pattern ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> !file.getFileName().toString().startsWith(".")
                            && ending.matcher(file.toString()).find())
                    .sorted()
                    .toList();
        }
    }

    private static TensorFiles openAll(Path path, List<Path> paths, Arena arena) throws IOException {
        TensorFiles files = new TensorFiles(path, arena, null, paths);
        files.all();
        return files;
    }

    /** The files, whether they are there or not, in the order of their names. */
    public List<Path> paths() {
        return paths;
    }

    /** Whether they come from an index, which says what is where; without one, files may hold tensors of the same names. */
    boolean indexed() {
        return index != null;
    }

    /**
     * All files, in the order of their names.
     *
     * @throws IOException if one that the index names is missing or broken
     */
    public List<Safetensors> all() throws IOException {
        List<Safetensors> all = new ArrayList<>();
        for (Path file : paths) {
            all.add(open(file));
        }
        return Collections.unmodifiableList(all);
    }

    private Safetensors open(Path file) throws IOException {
        Safetensors known = opened.get(file);
        if (known != null) {
            return known;
        }
        if (index != null && Files.notExists(file)) {
            throw new IOException(index.path() + " names the file " + file + ", which is missing");
        }
        Safetensors tensors = Safetensors.open(file, arena);
        opened.put(file, tensors);
        return tensors;
    }

    /** The tensors' names, in the order of the index or of the files. */
    public Set<String> names() {
        Set<String> names = new LinkedHashSet<>();
        if (index != null) {
            names.addAll(index.files().keySet());
        } else {
            paths.forEach(file -> names.addAll(opened.get(file).names()));
        }
        return Collections.unmodifiableSet(names);
    }

    /** Whether there is a tensor of a name, by what the index says if there is one. */
    public boolean has(String name) {
        return index != null
                ? index.files().containsKey(name)
                : paths.stream().anyMatch(file -> opened.get(file).names().contains(name));
    }

    /**
     * The file that holds a tensor.
     *
     * @throws IOException if none does, or several do, or the file that the index names is missing, broken or without the tensor
     */
    public Safetensors file(String name) throws IOException {
        if (!has(name)) {
            Set<String> names = names();
            throw new IOException(path + ": there is no tensor " + name + " among "
                    + (names.size() > 20 ? names.size() + " others" : names));
        }
        if (index != null) {
            Safetensors file = open(index.files().get(name));
            if (!file.names().contains(name)) {
                throw new IOException(
                        index.path() + " says that tensor " + name + " is in " + file.path() + ", but it is not");
            }
            return file;
        }
        List<Path> holders = paths.stream()
                .filter(file -> opened.get(file).names().contains(name))
                .toList();
        if (holders.size() > 1) {
            throw new IOException("tensor " + name + " is in " + holders.get(0) + " and in " + holders.get(1)
                    + ": name the one that is meant");
        }
        return opened.get(holders.getFirst());
    }

    /**
     * A tensor of one or two dimensions of F32, BF16 or F16 where it lies: see {@link Safetensors#view}.
     *
     * @throws IOException as {@link #file} says, or if it has another type or more dimensions
     */
    public ReadableMatrix view(String name) throws IOException {
        return file(name).view(name, arena);
    }
}
