package dev.panhead.trainer.data;

import dev.panhead.format.DType;
import dev.panhead.format.Npy;
import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How hidden states lie in files.
 *
 * @param hiddenName the tensor of the hidden states, T x d
 * @param labelsName the tensor of their labels, T
 */
public record HiddenFiles(String hiddenName, String labelsName) {

    /** {@code hidden_states} and {@code labels}. */
    public static final HiddenFiles DEFAULT = new HiddenFiles("hidden_states", "labels");

    /** Hidden states of one file, and the file as such unless it is .npy. */
    private record Shard(Path path, ReadableMatrix rows, Safetensors file) {}

    /** What one of the paths named: shards, and the files that they are among unless it is .npy. */
    private record Source(Path path, TensorFiles files, List<Shard> shards) {

        long rows() {
            return shards.stream().mapToLong(shard -> shard.rows.rows()).sum();
        }
    }

    /**
     * Opens hidden states with their labels. The rows follow each other in the order of the paths and, in a folder or an index, of the
     * names of the files.
     *
     * @param hidden each a {@code .npy} file ({@code <f4} or {@code <f2}) or whatever {@link TensorFiles#open} takes (F32, BF16 or
     *     F16); a single dimension is a single row
     * @param labels one for each of these, with as many labels as it has rows: a {@code .npy} file or whatever TensorFiles takes, of
     *     integers; none, if the labels are in the same files as the hidden states
     * @param arena what the rows and labels live as long as; shared, if several threads are to read them
     * @throws IllegalArgumentException if there are no paths, or labels for some paths only
     * @throws IOException if a file is missing or broken, files disagree in width or type, or the labels are more or fewer than the
     *     rows: says which files
     */
    public HiddenStates open(List<Path> hidden, List<Path> labels, Arena arena) throws IOException {
        if (hidden.isEmpty()) {
            throw new IllegalArgumentException("there are no files of hidden states");
        }
        if (!labels.isEmpty() && labels.size() != hidden.size()) {
            throw new IllegalArgumentException("there are " + hidden.size() + " paths of hidden states, but "
                    + labels.size() + " of labels: each needs its own");
        }
        List<Source> sources = new ArrayList<>();
        for (Path path : hidden) {
            sources.add(source(path, arena));
        }
        List<Shard> shards =
                sources.stream().flatMap(source -> source.shards.stream()).toList();
        for (Shard shard : shards) {
            requireAgreement(shards.getFirst(), shard);
        }
        long rows = sources.stream().mapToLong(Source::rows).sum();
        if (rows == 0 || shards.getFirst().rows.columns() == 0) {
            throw new IOException("there are no hidden states in " + (hidden.size() == 1 ? hidden.getFirst() : hidden));
        }
        LabelFiles read = new LabelFiles(arena, rows);
        for (int i = 0; i < sources.size(); i++) {
            Source source = sources.get(i);
            if (labels.isEmpty()) {
                addOwnLabels(source, read);
            } else {
                addLabels(source, labels.get(i), read);
            }
        }
        return HiddenStates.of(
                shards.stream().map(Shard::path).toList(),
                shards.stream().map(Shard::rows).toList(),
                read,
                arena);
    }

    private Source source(Path path, Arena arena) throws IOException {
        if (isNpy(path)) {
            return new Source(
                    path, null, List.of(new Shard(path, Npy.open(path, arena).view(arena), null)));
        }
        TensorFiles files = TensorFiles.open(path, arena);
        List<Shard> shards = new ArrayList<>();
        for (Safetensors file : holders(files, hiddenName)) {
            shards.add(new Shard(file.path(), file.view(hiddenName, arena), file));
        }
        return new Source(path, files, shards);
    }

    /** The files that hold a tensor; without an index, all must. */
    private static List<Safetensors> holders(TensorFiles files, String name) throws IOException {
        if (!files.indexed()) {
            return files.all();
        }
        files.file(name); // what the index says must be right
        return files.all().stream().filter(file -> file.names().contains(name)).toList();
    }

    private static boolean isNpy(Path path) {
        return path.toString().toLowerCase(Locale.ROOT).endsWith(".npy");
    }

    private static void requireAgreement(Shard first, Shard other) throws IOException {
        if (first.rows.columns() != other.rows.columns()) {
            throw new IOException("the hidden states in " + first.path + " have a width of " + first.rows.columns()
                    + ", but those in " + other.path + " one of " + other.rows.columns());
        }
        if (DType.of(first.rows) != DType.of(other.rows)) {
            throw new IOException("the hidden states in " + first.path + " are of " + DType.of(first.rows)
                    + ", but those in " + other.path + " of " + DType.of(other.rows));
        }
    }

    /** Adds the labels that lie in the files of the hidden states. */
    private void addOwnLabels(Source source, LabelFiles labels) throws IOException {
        if (source.files == null) {
            throw new IOException(source.path
                    + " holds hidden states, but no labels: name the file that does (--labels or --held-out-labels)");
        }
        for (Shard shard : source.shards) {
            // Shared, as the engine's memory is: where none has been confined, its loops are compiled to less.
            try (Arena passing = Arena.ofShared()) {
                boolean elsewhere = !shard.file.names().contains(labelsName)
                        && source.shards.size() == 1
                        && source.files.has(labelsName);
                // An index may have a file for each tensor.
                Safetensors file = elsewhere ? source.files.file(labelsName) : shard.file;
                Ints values = file.targets(labelsName, passing);
                requireAsMany(shard.path, shard.rows.rows(), file.path(), values.size());
                labels.add(file.path(), values);
            }
        }
    }

    /** Adds the labels of files of their own. */
    private void addLabels(Source source, Path path, LabelFiles labels) throws IOException {
        try (Arena passing = Arena.ofShared()) {
            List<Path> files = new ArrayList<>();
            List<Ints> values = new ArrayList<>();
            if (isNpy(path)) {
                files.add(path);
                values.add(Npy.open(path, passing).targets(passing));
            } else {
                for (Safetensors file : holders(TensorFiles.open(path, passing), labelsName)) {
                    files.add(file.path());
                    values.add(file.targets(labelsName, passing));
                }
            }
            requireAsMany(
                    source.path,
                    source.rows(),
                    path,
                    values.stream().mapToLong(Ints::size).sum());
            for (int i = 0; i < files.size(); i++) {
                labels.add(files.get(i), values.get(i));
            }
        }
    }

    private static void requireAsMany(Path hidden, long rows, Path file, long labels) throws IOException {
        if (rows != labels) {
            throw new IOException("there are " + rows + " rows of hidden states in " + hidden + ", but " + labels
                    + " labels" + (file.equals(hidden) ? "" : " in " + file));
        }
    }
}
