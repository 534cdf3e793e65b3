package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.panhead.format.DType;
import dev.panhead.format.Npy;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HiddenStatesTest {

    private static final int WIDTH = 3;

    @TempDir
    private Path folder;

    private Arena arena;
    private int next;

    @BeforeEach
    void openArena() {
        arena = Arena.ofConfined();
    }

    @AfterEach
    void closeArena() {
        arena.close();
    }

    /** A file of rows (next, next + 1/4, ...), next counting on from file to file, and labels, unless those are null. */
    private Path write(String name, DType type, int rows, int width, long... labels) throws IOException {
        ByteBuffer data = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (int r = 0; r < rows; r++, next++) {
            for (int c = 0; c < width; c++) {
                float value = next + c * 0.25f;
                switch (type) {
                    case F32 -> data.putFloat(value);
                    case BF16 -> data.putShort(HalfMatrix.Format.BFLOAT16.narrow(value));
                    case F16 -> data.putShort(HalfMatrix.Format.FLOAT16.narrow(value));
                    default -> throw new AssertionError(type);
                }
            }
        }
        int end = data.position();
        String header = rows < 0
                ? ""
                : "\"hidden_states\":{\"dtype\":\"%s\",\"shape\":[%d,%d],\"data_offsets\":[0,%d]}"
                        .formatted(type, rows, width, end);
        if (labels != null) {
            for (long label : labels) {
                data.putLong(label);
            }
            header += (header.isEmpty() ? "" : ",")
                    + "\"labels\":{\"dtype\":\"I64\",\"shape\":[%d],\"data_offsets\":[%d,%d]}"
                            .formatted(labels.length, end, data.position());
        }
        byte[] text = ("{" + header + "}").getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + text.length + data.position()).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text).put(data.flip());
        Path path = folder.resolve(name);
        Files.createDirectories(path.getParent());
        return Files.write(path, file.array());
    }

    private Path labelsNpy(String name, int... labels) throws IOException {
        String header = "{'descr': '<i4', 'fortran_order': False, 'shape': (" + labels.length + ",), }";
        ByteBuffer file = ByteBuffer.allocate(10 + header.length() + 4 * labels.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
                .putShort((short) header.length())
                .put(header.getBytes(StandardCharsets.US_ASCII));
        for (int label : labels) {
            file.putInt(label);
        }
        return Files.write(folder.resolve(name), file.array());
    }

    private HiddenStates open(Path... hidden) throws IOException {
        return HiddenStates.open(List.of(hidden), List.of(), arena);
    }

    /** Fails unless row r begins with r and goes on in quarters, for every row, copied in any order. */
    private void assertRowsCount(HiddenStates states) {
        ReadableMatrix target = states.allocate(arena, 2);
        for (long i = states.rows() - 1; i >= -states.rows(); i--) {
            long row = Math.abs(i) % states.rows();
            states.copyRow(row, target, 1);
            for (int c = 0; c < states.width(); c++) {
                assertEquals(row + c * 0.25f, target.get(1, c), "row " + row);
                assertEquals(0, target.get(0, c));
            }
        }
    }

    private static int[] allLabels(HiddenStates states) {
        int[] labels = new int[(int) states.rows()];
        Arrays.setAll(labels, states::label);
        return labels;
    }

    private static long[] countedRows(HiddenStates states) {
        long[] rows = new long[(int) states.counted()];
        Arrays.setAll(rows, states::countedRow);
        return rows;
    }

    private static void refused(Executable reading, String... reasons) {
        String message = assertThrows(IOException.class, reading).getMessage();
        for (String reason : reasons) {
            assertTrue(message.contains(reason), message);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void filesFollowEachOtherInTheirType(DType type) throws IOException {
        HiddenStates states = open(
                write("b.safetensors", type, 2, WIDTH, 5, 6),
                write("empty.safetensors", type, 0, WIDTH),
                write("none.safetensors", type, 0, WIDTH),
                write("a.safetensors", type, 1, WIDTH, 7),
                write("c.safetensors", type, 4, WIDTH, 8, 9, 10, 11),
                write("last.safetensors", type, 0, WIDTH));
        assertEquals(7, states.rows());
        assertEquals(WIDTH, states.width());
        assertEquals(type, states.dtype());
        assertEquals(type, DType.of(states.allocate(arena, 1)));
        assertRowsCount(states);
        assertArrayEquals(new int[] {5, 6, 7, 8, 9, 10, 11}, allLabels(states));
        assertEquals(7, states.counted());
        assertArrayEquals(new long[] {0, 1, 2, 3, 4, 5, 6}, countedRows(states));
        assertThrows(IndexOutOfBoundsException.class, () -> states.label(7));
        assertThrows(IndexOutOfBoundsException.class, () -> states.label(-1));
        assertThrows(IndexOutOfBoundsException.class, () -> states.countedRow(7));
    }

    @Test
    void ignoredRowsAreNotCounted() throws IOException {
        HiddenStates some = open(
                write("a.safetensors", DType.F32, 3, WIDTH, -100, 0, -100),
                write("b.safetensors", DType.F32, 2, WIDTH, 4, -100));
        assertEquals(2, some.counted());
        assertArrayEquals(new long[] {1, 3}, countedRows(some));
        assertThrows(IndexOutOfBoundsException.class, () -> some.countedRow(2));
        some.requireLabelsBelow(5);
        HiddenStates none = open(write("c.safetensors", DType.F32, 2, WIDTH, -100, -100));
        assertEquals(0, none.counted());
        none.requireLabelsBelow(1);
    }

    @Test
    void labelsBeyondTheVocabularyAreNamed() throws IOException {
        write("a.safetensors", DType.F32, 2, WIDTH, 0, 9);
        write("b.safetensors", DType.F32, 3, WIDTH, -100, 3, -1);
        HiddenStates states = open(folder);
        refused(() -> states.requireLabelsBelow(9), folder.resolve("a.safetensors") + ": the label at 1 is 9", "to 8");
        refused(() -> states.requireLabelsBelow(10), folder.resolve("b.safetensors") + ": the label at 2 is -1");
        write("b.safetensors", DType.F32, 3, WIDTH, 1L << 32, 3, 4);
        refused(() -> open(folder), "b.safetensors: tensor labels holds 4294967296 at 0");
    }

    @Test
    void aFolderAndAnIndexAreShards() throws IOException {
        write("set/2.safetensors", DType.BF16, 2, WIDTH, 3, 4);
        next = 0;
        write("set/1.safetensors", DType.BF16, 1, WIDTH, 2);
        next = 1;
        write("set/2.safetensors", DType.BF16, 2, WIDTH, 3, 4);
        HiddenStates states = open(folder.resolve("set"));
        assertRowsCount(states);
        assertArrayEquals(new int[] {2, 3, 4}, allLabels(states));
        Path index = Files.writeString(
                folder.resolve("set/h.safetensors.index.json"),
                "{\"weight_map\":{\"hidden_states\":\"2.safetensors\",\"labels\":\"1.safetensors\"}}");
        assertArrayEquals(new int[] {2, 3, 4}, allLabels(open(index)));
        assertRowsCount(open(index));
        Files.delete(folder.resolve("set/1.safetensors"));
        refused(() -> open(index), "1.safetensors, which is missing");
    }

    @Test
    void anIndexMayKeepTheLabelsInAFileOfTheirOwn() throws IOException {
        write("h.safetensors", DType.F32, 2, WIDTH, (long[]) null);
        write("l.safetensors", DType.F32, -1, WIDTH, 6, 7);
        Path index = Files.writeString(
                folder.resolve("x.safetensors.index.json"),
                "{\"weight_map\":{\"hidden_states\":\"h.safetensors\",\"labels\":\"l.safetensors\"}}");
        assertArrayEquals(new int[] {6, 7}, allLabels(open(index)));
        refused(() -> open(folder.resolve("h.safetensors")), "h.safetensors: there is no tensor labels");
        refused(() -> open(folder.resolve("l.safetensors")), "l.safetensors: there is no tensor hidden_states");
    }

    @Test
    void arraysArePairedWithTheirLabelsInOrder() throws IOException {
        Matrix rows = new Numbers(1).padded(arena, 5, WIDTH, 1);
        for (int r = 0; r < 5; r++) {
            for (int c = 0; c < WIDTH; c++) {
                rows.set(r, c, r + c * 0.25f);
            }
        }
        Path first = folder.resolve("first.npy");
        Path second = folder.resolve("second.NPY");
        Npy.write(first, rows.rows(0, 1));
        Npy.write(second, rows.rows(1, 5));
        Path one = labelsNpy("l1.npy", -100);
        Path four = write("l4.safetensors", DType.F32, -1, WIDTH, 1, 2, 3, 4);
        HiddenStates states = HiddenStates.open(List.of(first, second), List.of(one, four), arena);
        assertRowsCount(states);
        assertArrayEquals(new int[] {-100, 1, 2, 3, 4}, allLabels(states));
        refused(() -> states.requireLabelsBelow(3), "l4.safetensors: the label at 2 is 3");
        refused(() -> open(first), first + " holds hidden states, but no labels");
        refused(
                () -> HiddenStates.open(List.of(first, second), List.of(four, one), arena),
                "1 rows of hidden states in " + first,
                "4 labels in " + four);
        String message = assertThrows(
                        IllegalArgumentException.class,
                        () -> HiddenStates.open(List.of(first, second), List.of(one), arena))
                .getMessage();
        assertTrue(message.contains("2 paths of hidden states, but 1 of labels"), message);
        assertThrows(IllegalArgumentException.class, () -> HiddenStates.open(List.of(), List.of(), arena));
        Npy.write(first, HalfMatrix.of(arena, HalfMatrix.Format.FLOAT16, rows));
        HiddenStates halves = HiddenStates.open(List.of(first), List.of(labelsNpy("l5.npy", 1, 2, 3, 4, 5)), arena);
        assertEquals(DType.F16, halves.dtype());
        assertRowsCount(halves);
    }

    @Test
    void labelsOfTheirOwnTakeThePlaceOfThoseInTheFileAndMayBeCutOtherwise() throws IOException {
        write("set/a.safetensors", DType.F32, 2, WIDTH, 1, 2);
        write("set/b.safetensors", DType.F32, 1, WIDTH, 3);
        Path labels = labelsNpy("l.npy", 7, 8, 9);
        HiddenStates states = HiddenStates.open(List.of(folder.resolve("set")), List.of(labels), arena);
        assertArrayEquals(new int[] {7, 8, 9}, allLabels(states));
        refused(() -> states.requireLabelsBelow(9), "l.npy: the label at 2 is 9");
    }

    @Test
    void namesOfTensorsAreFree() throws IOException {
        Path path = write("a.safetensors", DType.F32, 2, WIDTH, 1, 2);
        byte[] renamed = Files.readString(path, StandardCharsets.ISO_8859_1)
                .replace("hidden_states", "last_hidden_x")
                .replace("labels", "tokens")
                .getBytes(StandardCharsets.ISO_8859_1);
        Files.write(path, renamed);
        HiddenStates states = new HiddenFiles("last_hidden_x", "tokens").open(List.of(path), List.of(), arena);
        assertRowsCount(states);
        assertArrayEquals(new int[] {1, 2}, allLabels(states));
    }

    @Test
    void filesThatDisagreeAreBothNamed() throws IOException {
        Path plain = write("a.safetensors", DType.F32, 1, WIDTH, 1);
        Path wide = write("wide.safetensors", DType.F32, 1, WIDTH + 1, 1);
        Path half = write("half.safetensors", DType.BF16, 1, WIDTH, 1);
        Path quarter = write("quarter.safetensors", DType.F16, 1, WIDTH, 1);
        Path few = write("few.safetensors", DType.F32, 3, WIDTH, 1, 2);
        refused(() -> open(plain, wide), plain + " have a width of 3", wide + " one of 4");
        refused(() -> open(plain, half), plain + " are of F32", half + " of BF16");
        refused(() -> open(half, quarter), half + " are of BF16", quarter + " of F16");
        refused(() -> open(few), "3 rows of hidden states in " + few, "but 2 labels");
    }

    @Test
    void noRowsOrNoColumnsAreRefused() throws IOException {
        Path empty = write("empty.safetensors", DType.F32, 0, WIDTH);
        Path thin = write("thin.safetensors", DType.F32, 2, 0, 1, 2);
        refused(() -> open(empty), "no hidden states in " + empty);
        refused(() -> open(thin), "no hidden states in " + thin);
    }

    @Test
    void aTargetOfAnotherKindIsRefused() throws IOException {
        HiddenStates states = open(write("a.safetensors", DType.BF16, 2, WIDTH, 1, 2));
        ReadableMatrix target = states.allocate(arena, 1);
        assertInstanceOf(HalfMatrix.class, target);
        for (ReadableMatrix wrong : List.of(
                Matrix.allocate(arena, 1, WIDTH),
                HalfMatrix.wrap(HalfMatrix.Format.FLOAT16, arena.allocate(8), 1, WIDTH),
                HalfMatrix.wrap(HalfMatrix.Format.BFLOAT16, arena.allocate(8), 1, WIDTH + 1))) {
            String message = assertThrows(IllegalArgumentException.class, () -> states.copyRow(0, wrong, 0))
                    .getMessage();
            assertTrue(message.contains("row of 3 BF16 is " + wrong), message);
        }
        assertThrows(IndexOutOfBoundsException.class, () -> states.copyRow(2, target, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> states.copyRow(-1, target, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> states.copyRow(0, target, 1));
    }

    @Test
    void rowsGoIntoATargetWithGapsAndLeaveThemAlone() throws IOException {
        HiddenStates states = open(write("a.safetensors", DType.F32, 3, WIDTH, 1, 2, 3));
        Matrix target = Numbers.nanPadded(arena, 3, WIDTH);
        for (int r = 0; r < 3; r++) {
            states.copyRow(r, target, r);
        }
        assertTrue(Numbers.paddingIntact(target));
        assertArrayEquals(new float[] {0, .25f, .5f, 1, 1.25f, 1.5f, 2, 2.25f, 2.5f}, target.toArray());
    }

    @Test
    void theBitsOfANanArrive() throws IOException {
        Path path = write("a.safetensors", DType.F32, 1, 1, 1);
        byte[] bytes = Files.readAllBytes(path);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(bytes.length - 12, 0x7f812345);
        Files.write(path, bytes);
        ReadableMatrix target = open(path).allocate(arena, 1);
        open(path).copyRow(0, target, 0);
        assertEquals(0x7f812345, target.segment().get(ValueLayout.JAVA_INT_UNALIGNED, 0));
    }

    @Test
    void copyingARowAllocatesNothing() throws IOException {
        HiddenStates states = open(
                write("a.safetensors", DType.BF16, 50, WIDTH, new long[50]),
                write("b.safetensors", DType.BF16, 50, WIDTH, new long[50]));
        ReadableMatrix target = states.allocate(arena, 1);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        int labels = 0;
        long allocated = 0;
        for (int round = 0; round < 200; round++) { // the last ones compiled
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 10_000; i++) {
                long row = states.countedRow(i * 37L % 100);
                states.copyRow(row, target, 0);
                labels += states.label(row);
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertEquals(0, labels);
        assertTrue(allocated < 10_000, allocated + " bytes for 10,000 rows");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS) // where the zeros would take room on the disk
    void moreThanTwoGigabytesOfRowsAreFoundAgain() throws IOException {
        int rows = 1 << 20;
        int width = 1 << 10; // 4 GB of zeros that are nowhere on the disk, but for the last row
        String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + rows + ", " + width + "), }";
        Path path = folder.resolve("large.npy");
        try (var file = new java.io.RandomAccessFile(path.toFile(), "rw")) {
            file.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0});
            file.writeBytes(header);
            file.setLength(10 + header.length() + 4L * rows * width);
            file.seek(file.length() - 4L * width);
            file.write(new byte[] {0, 0, (byte) 0x80, 0x3f});
        }
        MemorySegment labels = arena.allocate(4L * rows);
        labels.set(ValueLayout.JAVA_INT, 4L * (rows - 1), 9);
        String labelHeader = "{'descr': '<i4', 'fortran_order': False, 'shape': (" + rows + ",), }";
        Path labelPath = folder.resolve("labels.npy");
        try (var out = Files.newOutputStream(labelPath)) {
            out.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) labelHeader.length(), 0});
            out.write(labelHeader.getBytes(StandardCharsets.US_ASCII));
            out.write(labels.toArray(ValueLayout.JAVA_BYTE));
        }
        HiddenStates states = HiddenStates.open(List.of(path, path), List.of(labelPath, labelPath), arena);
        assertEquals(2L * rows, states.rows());
        ReadableMatrix target = states.allocate(arena, 1);
        for (long last : new long[] {rows - 1, 2L * rows - 1}) {
            states.copyRow(last, target, 0);
            assertEquals(1, target.get(0, 0));
            assertEquals(9, states.label(last));
            states.copyRow(last - 1, target, 0);
            assertEquals(0, target.get(0, 0));
        }
    }
}
