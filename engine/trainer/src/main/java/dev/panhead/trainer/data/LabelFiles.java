package dev.panhead.trainer.data;

import dev.panhead.tensor.Ints;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/** The labels of all rows in one run of memory, and the files that they came from. */
final class LabelFiles {

    private record Part(Path file, long start) {}

    private final MemorySegment labels;
    private final List<Part> parts = new ArrayList<>();
    private long filled;

    /** Room for {@code rows} labels. */
    LabelFiles(Arena arena, long rows) {
        labels = arena.allocate(ValueLayout.JAVA_INT, rows);
    }

    /** Adds a file's labels; there is room for them. */
    void add(Path file, Ints values) {
        parts.add(new Part(file, filled));
        MemorySegment.copy(values.segment(), 0, labels, filled * Integer.BYTES, (long) values.size() * Integer.BYTES);
        filled += values.size();
    }

    int get(long row) {
        return labels.getAtIndex(ValueLayout.JAVA_INT, row);
    }

    /** Adds all labels to a checksum. */
    void addTo(CRC32C sum) {
        Tokens.add(labels, sum);
    }

    void requireBelow(int vocabulary) throws IOException {
        for (long row = 0; row < filled; row++) {
            int label = get(row);
            if (label != HiddenStates.IGNORED && (label < 0 || label >= vocabulary)) {
                Part part = parts.get(
                        HiddenStates.last(parts.stream().mapToLong(Part::start).toArray(), row));
                throw new IOException(part.file + ": the label at " + (row - part.start) + " is " + label + ", neither "
                        + HiddenStates.IGNORED + " nor from 0 to " + (vocabulary - 1));
            }
        }
    }
}
