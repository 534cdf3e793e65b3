package dev.panhead.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {

    @TempDir
    private Path folder;

    @Test
    void readsWhatItWrote() throws IOException {
        try (Arena arena = Arena.ofShared()) {
            LinkedHashMap<String, Matrix> matrices = new LinkedHashMap<>();
            matrices.put("a \"quoted\\\" näme", new Numbers(1).padded(arena, 3, 5, 1));
            matrices.put("row", new Numbers(2).matrix(arena, 1, 7, 1));
            matrices.put("empty", Matrix.allocate(arena, 0, 4));
            Path path = folder.resolve("x.safetensors");
            Safetensors.write(path, matrices, Map.of("format", "pt"));
            Safetensors.write(path, matrices, Map.of("format", "pt")); // replaces
            Safetensors file = Safetensors.open(path, arena);
            assertEquals(matrices.sequencedKeySet(), file.names());
            assertEquals("pt", file.metadata().get("format"));
            for (Map.Entry<String, Matrix> entry : matrices.entrySet()) {
                assertArrayEquals(Numbers.bits(entry.getValue()), Numbers.bits(file.matrix(entry.getKey(), arena)));
            }
            assertEquals(List.of(7L), file.tensor("row").shape());
            try (var left = Files.list(folder)) {
                assertEquals(1, left.count());
            }
            String message = assertThrows(FormatException.class, () -> file.matrix("b", arena))
                    .getMessage();
            assertTrue(message.contains("there is no tensor b"), message);
        }
    }

    @Test
    void widensHalvesAndNarrowsLabels() throws IOException {
        String header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4,8]},"
                + "\"l\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[8,24]}}";
        ByteBuffer data = ByteBuffer.allocate(24).order(ByteOrder.LITTLE_ENDIAN);
        data.putShort((short) 0x3c00)
                .putShort((short) 0xc100)
                .putShort((short) 0x3f80)
                .putShort((short) 0xff80);
        data.putLong(-100).putLong(7);
        Path path = file(header, data.array());
        try (Arena arena = Arena.ofShared()) {
            Safetensors file = Safetensors.open(path, arena);
            assertArrayEquals(new float[] {1, -2.5f}, file.matrix("h", arena).toArray());
            assertArrayEquals(
                    new float[] {1, Float.NEGATIVE_INFINITY},
                    file.matrix("b", arena).toArray());
            HalfMatrix view = (HalfMatrix) file.view("h", arena);
            assertEquals(HalfMatrix.Format.FLOAT16, view.format());
            assertEquals(-2.5f, view.get(0, 1));
            assertTrue(view.segment().isReadOnly());
            assertEquals(HalfMatrix.Format.BFLOAT16, ((HalfMatrix) file.view("b", arena)).format());
            assertThrows(FormatException.class, () -> file.view("l", arena));
            assertEquals(-100, file.targets("l", arena).get(0));
            assertEquals(7, file.targets("l", arena).get(1));
            assertThrows(FormatException.class, () -> file.matrix("l", arena));
            assertThrows(FormatException.class, () -> file.targets("h", arena));
        }
    }

    @Test
    void halvesAreWrittenAsTheyLieAndEveryNumberAtAMultipleOfItsSize() throws IOException {
        Path path = folder.resolve("x.safetensors");
        try (Arena arena = Arena.ofShared()) {
            Matrix values = new Numbers(3).matrix(arena, 3, 5, 100);
            values.set(0, 0, Float.POSITIVE_INFINITY);
            values.set(0, 1, -0f);
            LinkedHashMap<String, ReadableMatrix> matrices = new LinkedHashMap<>();
            matrices.put("b", Numbers.halves(arena, HalfMatrix.Format.BFLOAT16, values)); // 15: an odd number of them
            matrices.put("f", new Numbers(4).padded(arena, 3, 5, 1));
            matrices.put("h", Numbers.halves(arena, HalfMatrix.Format.FLOAT16, values));
            matrices.put("g", new Numbers(5).matrix(arena, 1, 3, 1));
            matrices.put("none", HalfMatrix.of(arena, HalfMatrix.Format.FLOAT16, Matrix.allocate(arena, 0, 2)));
            Safetensors.write(path, matrices, Map.of());
            Safetensors file = Safetensors.open(path, arena);
            assertEquals(matrices.sequencedKeySet(), file.names());
            for (Map.Entry<String, ReadableMatrix> entry : matrices.entrySet()) {
                ReadableMatrix view = file.view(entry.getKey(), arena);
                assertEquals(DType.of(entry.getValue()), DType.of(view));
                assertEquals(DType.of(view), file.tensor(entry.getKey()).type());
                assertArrayEquals(bits(entry.getValue(), arena), bits(view, arena), entry.getKey());
                assertEquals(0, view.segment().address() % (DType.of(view).bits() / 8), entry.getKey());
            }
        }
    }

    private static int[] bits(ReadableMatrix matrix, Arena arena) {
        return Numbers.bits(
                switch (matrix) {
                    case Matrix floats -> floats;
                    case HalfMatrix halves -> halves.toMatrix(arena);
                });
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 70001", "300, 301", "0, 3", "3, 0"})
    void rowsOfEveryLengthComeTogetherInEitherOrderOfBytes(int rows, int columns) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            Matrix padded = new Numbers(6).padded(arena, rows, columns, 1);
            Matrix dense = Matrix.allocate(arena, rows, columns);
            dense.copyFrom(padded);
            ReadableMatrix half = Numbers.halves(arena, HalfMatrix.Format.BFLOAT16, padded);
            for (ByteOrder machine : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
                boolean turned = machine != ByteOrder.nativeOrder();
                ByteBuffer expected = ByteBuffer.allocate(10 * rows * columns)
                        .order(turned ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
                for (float value : padded.toArray()) {
                    expected.putFloat(value);
                }
                for (float value : padded.toArray()) {
                    expected.putShort(HalfMatrix.Format.BFLOAT16.narrow(value));
                }
                for (float value : padded.toArray()) {
                    expected.putFloat(value);
                }
                Path path = folder.resolve("rows");
                AtomicFile.write(path, channel -> RowWriter.write(channel, List.of(padded, half, dense), machine));
                assertArrayEquals(expected.array(), Files.readAllBytes(path));
            }
        }
    }

    @Test
    void onAMachineOfTheOtherOrderNumbersAreTurned() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(8);
            bytes.copyFrom(MemorySegment.ofArray(new byte[] {1, 2, 3, 4, 5, 6, 7, 8}));
            Elements words = new Elements("w", DType.F32, List.of(2L), bytes);
            Elements halves = new Elements("h", DType.F16, List.of(4L), bytes);
            assertArrayEquals(
                    new byte[] {4, 3, 2, 1, 8, 7, 6, 5},
                    words.inOrder(arena, ByteOrder.BIG_ENDIAN).toArray(ValueLayout.JAVA_BYTE));
            assertArrayEquals(
                    new byte[] {2, 1, 4, 3, 6, 5, 8, 7},
                    halves.inOrder(arena, ByteOrder.BIG_ENDIAN).toArray(ValueLayout.JAVA_BYTE));
            assertEquals(bytes, words.inOrder(arena, ByteOrder.LITTLE_ENDIAN));
        }
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        Path path = folder.resolve("x.safetensors");
        try (Arena arena = Arena.ofConfined()) {
            LinkedHashMap<String, ReadableMatrix> matrices = new LinkedHashMap<>();
            matrices.put("a", Matrix.of(arena, 1, 2, 1, 2));
            matrices.put("h", HalfMatrix.of(arena, HalfMatrix.Format.FLOAT16, Matrix.of(arena, 1, 1, 3)));
            Safetensors.write(path, matrices, Map.of());
            byte[] whole = Files.readAllBytes(path);
            for (int length = 0; length < whole.length; length++) {
                Files.write(path, Arrays.copyOf(whole, length));
                String message = assertThrows(FormatException.class, () -> Safetensors.open(path, arena))
                        .getMessage();
                assertTrue(message.startsWith(path.toString()), message);
            }
            Files.write(path, Arrays.copyOf(whole, whole.length + 1));
            assertThrows(FormatException.class, () -> Safetensors.open(path, arena));
        }
    }

    @Test
    void whatCannotBeWrittenToIsNamed() throws IOException {
        Path missing = folder.resolve("missing");
        NoSuchFileException none =
                assertThrows(NoSuchFileException.class, () -> AtomicFile.write(missing.resolve("x"), channel -> {}));
        assertEquals(missing.toString(), none.getFile());
        Path file = Files.createFile(folder.resolve("file"));
        NotDirectoryException no =
                assertThrows(NotDirectoryException.class, () -> AtomicFile.write(file.resolve("x"), channel -> {}));
        assertEquals(file.toString(), no.getFile());
        Path inner = Files.createDirectory(folder.resolve("inner"));
        Path full = folder.resolve("full");
        FileSystemException named = assertThrows(
                FileSystemException.class,
                () -> AtomicFile.write(full, channel -> {
                    throw new IOException("No space left on device"); // as a channel does
                }));
        assertEquals(full.toString(), named.getFile());
        assertEquals("No space left on device", named.getReason());
        FileSystemException is = assertThrows(FileSystemException.class, () -> AtomicFile.write(inner, channel -> {}));
        assertEquals(inner + ": is a folder", is.getMessage());
        assertTrue(Files.isDirectory(inner));
        try (Arena arena = Arena.ofConfined()) {
            String message = assertThrows(IOException.class, () -> Safetensors.open(inner, arena))
                    .getMessage();
            assertEquals(inner + ": is a folder", message);
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aFolderThatMayBeWrittenButNotReadIsWrittenTo() throws IOException {
        Path closed = Files.createDirectory(folder.resolve("closed"));
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("-wx------"));
        AtomicFile.write(closed.resolve("x"), channel -> channel.write(ByteBuffer.wrap(new byte[] {7})));
        assertArrayEquals(new byte[] {7}, Files.readAllBytes(closed.resolve("x")));
        Files.setPosixFilePermissions(closed, PosixFilePermissions.fromString("rwx------"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    [] | expected '{'
                    {"a":1} | expected '{'
                    {"a":{"dtype":"F32","shape":[1]}} | tensor a is not described
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}} | unknown field x
                    {"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}} | "shape" stands there twice
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}} | 1 data_offsets instead of 2
                    {"a":{"dtype":"F4","shape":[7],"data_offsets":[0,4]}} | does not fill whole bytes
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x | expected the end
                    {"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}} | unknown dtype F33
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}} | takes 8 bytes, but its data_offsets span 4
                    {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}} | expected an integer
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | there are 4 bytes of data
                    {"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}} | 4 bytes of data that belong to no tensor
                    {"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}} | begins at data byte 2, where 0 was expected
                    {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}} | bad number
                    {"a":{"dtype":"F32","shape":[461168601842738790,461168601842738790],"data_offsets":[0,4]}} | too large to exist
                    {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} | stands there twice
                    {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} | begins at data byte 0, where 4
                    {"__metadata__":{"x":1}} | expected '"'
                    {"__metadata__":{},"__metadata__":{}} | stands there twice
                    {"a":{"dtype":"F32","shape":[[[[[1]]]]],"data_offsets":[0,4]}} | expected an integer
                    {"a | ends in the middle
                    {"\\u００４１":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | bad \\u escape
                    {"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | half of a surrogate pair
                    """)
    void hostileHeaders(String header, String reason) throws IOException {
        Path path = file(header, new byte[4]);
        try (Arena arena = Arena.ofShared()) {
            String message = assertThrows(FormatException.class, () -> Safetensors.open(path, arena))
                    .getMessage();
            assertTrue(message.startsWith(path.toString()) && message.contains(reason), message);
        }
    }

    @Test
    void opensFilesWhoseTensorsItCannotRead() throws IOException {
        String header = "{\"e\":{\"dtype\":\"F8_E4M3\",\"shape\":[3],\"data_offsets\":[0,3]},"
                + "\"f\":{\"dtype\":\"F4\",\"shape\":[1,10],\"data_offsets\":[3,8]},"
                + "\"c\":{\"dtype\":\"C64\",\"shape\":[],\"data_offsets\":[8,16]}}";
        try (Arena arena = Arena.ofConfined()) {
            Safetensors file = Safetensors.open(file(header, new byte[16]), arena);
            assertEquals(5, file.tensor("f").data().byteSize());
            String message = assertThrows(FormatException.class, () -> file.matrix("e", arena))
                    .getMessage();
            assertTrue(message.contains("tensor e is of F8_E4M3, not of F32, BF16 or F16"), message);
        }
    }

    @Test
    void aHeaderOfNestedArraysTakesNoMemory() throws IOException {
        String nested = "[],".repeat(1 << 20);
        String many = "1,".repeat(1 << 20);
        for (String shape : new String[] {nested, many}) {
            Path path = file("{\"a\":{\"dtype\":\"U8\",\"shape\":[" + shape + "1]}}", new byte[0]);
            try (Arena arena = Arena.ofConfined()) {
                String message = assertThrows(FormatException.class, () -> Safetensors.open(path, arena))
                        .getMessage();
                assertTrue(message.contains("expected an integer") || message.contains("more than 64"), message);
            }
        }
    }

    @Test
    void noMatrixIsCalledMetadata() {
        try (Arena arena = Arena.ofConfined()) {
            LinkedHashMap<String, Matrix> matrices = new LinkedHashMap<>();
            matrices.put("__metadata__", Matrix.allocate(arena, 1, 1));
            Path path = folder.resolve("x");
            assertThrows(IllegalArgumentException.class, () -> Safetensors.write(path, matrices, Map.of()));
            assertTrue(Files.notExists(path));
        }
    }

    @Test
    void whatCouldNotBeReadIsNotWritten() {
        try (Arena arena = Arena.ofConfined()) {
            Matrix matrix = Matrix.allocate(arena, 1, 1);
            Path path = folder.resolve("x");
            Map<String, String> large = Map.of("large", "x".repeat(100_000_000));
            Map<String, String> none = new HashMap<>();
            none.put("key", null);
            refused("half of a surrogate pair", path, "a\ud800", matrix, Map.of());
            refused("half of a surrogate pair", path, "a", matrix, Map.of("\udc00", ""));
            refused("the metadata of key is null", path, "a", matrix, none);
            refused("tensor a is null", path, "a", null, Map.of());
            refused("at most 100000000", path, "a", matrix, large);
            assertTrue(Files.notExists(path));
        }
    }

    private static void refused(String part, Path path, String name, Matrix matrix, Map<String, String> metadata) {
        LinkedHashMap<String, Matrix> matrices = new LinkedHashMap<>();
        matrices.put(name, matrix);
        String message = assertThrows(IllegalArgumentException.class, () -> Safetensors.write(path, matrices, metadata))
                .getMessage();
        assertTrue(message.contains(part), message);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aFileKeepsItsPermissionsAndALinkItsPlace() throws IOException {
        Path real = Files.createFile(folder.resolve("real"));
        Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-rw----"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        AtomicFile.write(link, new byte[] {7});
        assertTrue(Files.isSymbolicLink(link));
        assertArrayEquals(new byte[] {7}, Files.readAllBytes(real));
        assertEquals("rw-rw----", PosixFilePermissions.toString(Files.getPosixFilePermissions(real)));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aLinkToWhatIsNotThereYetStaysOneAndARingOfLinksIsRefused() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("later"));
        AtomicFile.write(link, new byte[] {7});
        assertTrue(Files.isSymbolicLink(link));
        assertArrayEquals(new byte[] {7}, Files.readAllBytes(folder.resolve("later")));
        Path ring = folder.resolve("ring");
        Files.createSymbolicLink(ring, Path.of("ring"));
        assertThrows(FileSystemLoopException.class, () -> AtomicFile.write(ring, new byte[] {7}));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aPipeIsNoFileToReplace() throws IOException, InterruptedException {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        FileSystemException refusal =
                assertThrows(FileSystemException.class, () -> AtomicFile.write(pipe, new byte[] {7}));
        assertEquals("is no file, but a device, a pipe or the like", refusal.getReason());
        assertTrue(Files.readAttributes(pipe, BasicFileAttributes.class).isOther());
        Path terminal = Path.of("/dev/null");
        assertThrows(FileSystemException.class, () -> AtomicFile.write(terminal, new byte[] {7}));
    }

    /** Of characters of 4 bytes each, too, cut where one begins or in the middle of one, if file names can have such here. */
    @Test
    void aNameMayBeAsLongAsTheFileSystemHasIt() throws IOException {
        String wide = "\ud83d\ude00".repeat(40);
        Charset names = Charset.forName(System.getProperty("sun.jnu.encoding"));
        for (String name : List.of("x".repeat(255), wide + "x".repeat(95), "y" + wide + "x".repeat(94))) {
            if (names.newEncoder().canEncode(name)) {
                Path path = folder.resolve(name);
                AtomicFile.write(path, new byte[] {7});
                assertArrayEquals(new byte[] {7}, Files.readAllBytes(path));
            }
        }
    }

    @Test
    void hostileLengths() throws IOException {
        try (Arena arena = Arena.ofShared()) {
            for (long length : new long[] {-1, 0, 1, 100, Long.MAX_VALUE, Long.MIN_VALUE}) {
                Path path = folder.resolve("length");
                ByteBuffer bytes = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN);
                Files.write(path, bytes.putLong(length).array());
                assertThrows(FormatException.class, () -> Safetensors.open(path, arena));
            }
            Path path = folder.resolve("short");
            Files.write(path, new byte[7]);
            assertThrows(FormatException.class, () -> Safetensors.open(path, arena));
            assertThrows(IOException.class, () -> Safetensors.open(folder.resolve("none"), arena));
        }
    }

    @Test
    void aFailedWriteLeavesTheOldFile() throws IOException {
        Path path = folder.resolve("x");
        Files.writeString(path, "old");
        assertThrows(
                IOException.class,
                () -> AtomicFile.write(path, channel -> {
                    channel.write(ByteBuffer.allocate(100));
                    throw new IOException("disk full");
                }));
        assertEquals("old", Files.readString(path));
        try (var left = Files.list(folder)) {
            assertEquals(1, left.count());
        }
    }

    private Path file(String header, byte[] data) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(text.length).put(text).put(data);
        Path path = folder.resolve("x.safetensors");
        Files.write(path, bytes.array());
        return path;
    }
}
