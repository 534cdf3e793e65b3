package dev.panhead.trainer.data;

import dev.panhead.format.DType;
import dev.panhead.head.HeadOptions;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.zip.CRC32C;

/**
 * A model's hidden states with their labels: T rows of d numbers and one label each, from one file or many, which follow each other.
 *
 * <p>The rows stay where they lie, memory-mapped: there may be more of them than memory. The labels are held in memory, 4 bytes
 * each, and, if some are ignored, 8 bytes for each that is not. Immutable; as safe to share between threads as the arena is.
 */
public final class HiddenStates {

    /** The label of a row that is not to be learnt from. */
    public static final int IGNORED = HeadOptions.IGNORE_INDEX;

    /** About so many rows go into the fingerprint. */
    private static final long FINGERPRINT_ROWS = 4096;

    private final List<Path> files;
    private final ReadableMatrix[] shards;
    private final long[] starts;
    private final LabelFiles labels;
    private final long rows;
    private final long counted;
    /** The rows that count, ascending; null if all do. */
    private final MemorySegment countedRows;

    private HiddenStates(List<Path> files, List<ReadableMatrix> shards, LabelFiles labels, Arena arena) {
        this.files = files;
        this.shards = shards.toArray(ReadableMatrix[]::new);
        this.labels = labels;
        starts = new long[this.shards.length];
        long end = 0;
        for (int s = 0; s < starts.length; s++) {
            starts[s] = end;
            end += this.shards[s].rows();
        }
        rows = end;
        counted = countLabels();
        countedRows = counted == rows ? null : arena.allocate(ValueLayout.JAVA_LONG, counted);
        if (countedRows != null) {
            indexCounted();
        }
    }

    private long countLabels() {
        long count = 0;
        for (long row = 0; row < rows; row++) {
            count += labels.get(row) == IGNORED ? 0 : 1;
        }
        return count;
    }

    private void indexCounted() {
        long count = 0;
        for (long row = 0; row < rows; row++) {
            if (labels.get(row) != IGNORED) {
                countedRows.setAtIndex(ValueLayout.JAVA_LONG, count++, row);
            }
        }
    }

    /**
     * Opens files whose tensors are {@code hidden_states}, T x d, and {@code labels}, T; .npy files need no names. {@link HiddenFiles#open}
     * says what files there may be, and takes other names.
     *
     * @param hidden the files of the hidden states
     * @param labels the files of their labels, one for each of these; none, if the labels are in the same files
     * @param arena what the rows and labels live as long as; shared, if several threads are to read them
     * @throws IOException if a file is missing or broken or does not fit the others: says which
     */
    public static HiddenStates open(List<Path> hidden, List<Path> labels, Arena arena) throws IOException {
        return HiddenFiles.DEFAULT.open(hidden, labels, arena);
    }

    /** From files, the shards in them, which agree, and as many labels as they have rows. */
    static HiddenStates of(List<Path> files, List<ReadableMatrix> shards, LabelFiles labels, Arena arena) {
        return new HiddenStates(files, shards, labels, arena);
    }

    /** T: number of rows, at least 1. */
    public long rows() {
        return rows;
    }

    /** d: numbers in a row. */
    public int width() {
        return shards[0].columns();
    }

    /** The numbers' type: F32, BF16 or F16. */
    public DType dtype() {
        return DType.of(shards[0]);
    }

    /** Memory for some rows, of the same type: what {@link #copyRow} takes. */
    public ReadableMatrix allocate(Arena arena, int rows) {
        return switch (shards[0]) {
            case Matrix floats -> Matrix.allocate(arena, rows, width());
            case HalfMatrix halves ->
                HalfMatrix.wrap(
                        halves.format(),
                        arena.allocate((long) rows * width() * Short.BYTES, Matrix.ALIGNMENT),
                        rows,
                        width());
        };
    }

    /** A row's label: a vocabulary entry, or {@link #IGNORED}. */
    public int label(long row) {
        return labels.get(Objects.checkIndex(row, rows));
    }

    /** How many rows have a label that is not {@link #IGNORED}. */
    public long counted() {
        return counted;
    }

    /**
     * One of the rows whose label is not {@link #IGNORED}, in their order.
     *
     * @param index from 0 to {@code counted() - 1}
     */
    public long countedRow(long index) {
        Objects.checkIndex(index, counted);
        return countedRows == null ? index : countedRows.getAtIndex(ValueLayout.JAVA_LONG, index);
    }

    /**
     * Copies a row, bit by bit.
     *
     * @param target d columns of the same type, as from {@link #allocate}
     * @param targetRow where in it
     * @throws IllegalArgumentException if the target has another type or width
     */
    public void copyRow(long row, ReadableMatrix target, int targetRow) {
        Objects.checkIndex(row, rows);
        Objects.checkIndex(targetRow, target.rows());
        int s = last(starts, row);
        ReadableMatrix shard = shards[s];
        if (target.columns() != shard.columns() || DType.of(target) != DType.of(shard)) {
            throw new IllegalArgumentException("the target of a row of " + width() + " " + dtype() + " is " + target);
        }
        long from = shard.offset((int) (row - starts[s]), 0);
        long to = target.offset(targetRow, 0);
        long bytes = shard.offset(0, shard.columns());
        MemorySegment.copy(shard.segment(), from, target.segment(), to, bytes);
    }

    /** The last index whose start is not beyond a row: what begins there has the row, for what is empty ends where it begins. */
    static int last(long[] starts, long row) {
        int low = 0;
        int high = starts.length - 1;
        while (low < high) {
            int middle = low + high + 1 >>> 1;
            if (starts[middle] <= row) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    /** Where a row lies, for people: its number within its file, from 0, and the file. */
    public String place(long row) {
        int s = last(starts, Objects.checkIndex(row, rows));
        return "row " + (row - starts[s]) + " of " + files.get(s);
    }

    /** The largest label, or {@link #IGNORED} if all are ignored. */
    public int largestLabel() {
        int largest = IGNORED;
        for (long row = 0; row < rows; row++) {
            largest = Math.max(largest, labels.get(row));
        }
        return largest;
    }

    /** Tells these states from others: CRC-32C of all labels and of some rows, spread over all. */
    public long fingerprint() {
        CRC32C sum = new CRC32C();
        labels.addTo(sum);
        long every = Math.max(1, rows / FINGERPRINT_ROWS);
        for (long row = 0; row < rows; row += every) {
            int s = last(starts, row);
            ReadableMatrix shard = shards[s];
            sum.update(shard.segment()
                    .asSlice(shard.offset((int) (row - starts[s]), 0), shard.offset(0, width()))
                    .asByteBuffer());
        }
        return sum.getValue();
    }

    /**
     * Checks that every label is {@link #IGNORED} or a vocabulary entry.
     *
     * @param vocabulary V; entries are 0 to V - 1
     * @throws IOException for the first that is not: names its file, its row there and its value
     */
    public void requireLabelsBelow(int vocabulary) throws IOException {
        labels.requireBelow(vocabulary);
    }
}
