package dev.panhead.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.reference.Numbers;
import dev.panhead.reference.Python;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.HalfMatrix.Format;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NpyTest {

    private static final String PAIR = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";

    @TempDir
    private Path folder;

    @Test
    void readsWhatItWrote() throws IOException {
        Path path = folder.resolve("x.npy");
        try (Arena arena = Arena.ofShared()) {
            for (Matrix matrix : List.of(
                    new Numbers(1).padded(arena, 3, 5, 1),
                    new Numbers(2).matrix(arena, 1, 7, 1),
                    new Numbers(3).matrix(arena, 4, 1, 1),
                    Matrix.allocate(arena, 0, 4),
                    Matrix.allocate(arena, 3, 0))) {
                Npy.write(path, matrix); // replaces the one before
                Npy file = Npy.open(path, arena);
                assertEquals(DType.F32, file.dtype());
                Matrix view = assertInstanceOf(Matrix.class, file.view(arena));
                assertEquals(matrix.rows(), view.rows());
                assertEquals(matrix.columns(), view.columns());
                assertTrue(view.segment().isReadOnly());
                assertArrayEquals(Numbers.bits(matrix), Numbers.bits(view));
                assertArrayEquals(Numbers.bits(matrix), Numbers.bits(file.matrix(arena)));
                assertEquals(0, (Files.size(path) - 4 * matrix.size()) % 64);
            }
            Npy.write(path, Matrix.allocate(arena, 1, 7));
            assertEquals(List.of(7L), Npy.open(path, arena).shape());
            Npy.write(path, Matrix.allocate(arena, 7, 1));
            assertEquals(List.of(7L, 1L), Npy.open(path, arena).shape());
        }
        try (var left = Files.list(folder)) {
            assertEquals(1, left.count());
        }
    }

    @Test
    void halfPrecisionStaysAndBfloat16IsWidened() throws IOException {
        Path path = folder.resolve("x.npy");
        try (Arena arena = Arena.ofShared()) {
            Matrix values = new Numbers(4).matrix(arena, 3, 5, 100);
            values.set(1, 1, Float.NEGATIVE_INFINITY);
            values.set(1, 2, -0f);
            HalfMatrix halves = Numbers.halves(arena, Format.FLOAT16, values);
            Npy.write(path, halves);
            Npy file = Npy.open(path, arena);
            assertEquals(DType.F16, file.dtype());
            assertEquals(List.of(3L, 5L), file.shape());
            HalfMatrix view = assertInstanceOf(HalfMatrix.class, file.view(arena));
            assertEquals(Format.FLOAT16, view.format());
            assertArrayEquals(Numbers.bits(halves.toMatrix(arena)), Numbers.bits(view.toMatrix(arena)));
            assertArrayEquals(Numbers.bits(halves.toMatrix(arena)), Numbers.bits(file.matrix(arena)));

            Matrix many = new Numbers(5).matrix(arena, 300, 301, 1); // more than is gathered at once
            for (Matrix wide : List.of(values, many)) {
                HalfMatrix brains = Numbers.halves(arena, Format.BFLOAT16, wide);
                Npy.write(path, brains);
                Npy widened = Npy.open(path, arena);
                assertEquals(DType.F32, widened.dtype());
                assertArrayEquals(Numbers.bits(brains.toMatrix(arena)), Numbers.bits(widened.matrix(arena)));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1", "2", "3"})
    void readsEveryVersionWhereverTheDataBegins(int version) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            String spread = " {\"shape\" : ( 2 , ) ,'fortran_order':False , 'descr':\"<f4\"} \n ";
            for (String header : new String[] {PAIR, PAIR + " \n", spread}) {
                Path path = file(version, header, new byte[] {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, (byte) 0xc0});
                assertArrayEquals(
                        new float[] {1, -2}, Npy.open(path, arena).matrix(arena).toArray());
            }
        }
    }

    @Test
    void targetsAreNarrowedUnlessTheyAreTooLarge() throws IOException {
        String ints = "{'descr': '<i%d', 'fortran_order': False, 'shape': (2,), }";
        byte[] small = {-100, -1, -1, -1, 7, 0, 0, 0};
        byte[] large = {-100, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, (byte) 0x80, 0, 0, 0, 0};
        try (Arena arena = Arena.ofConfined()) {
            Npy file = Npy.open(file(1, ints.formatted(4), small), arena);
            assertEquals(DType.I32, file.dtype());
            Ints targets = file.targets(arena);
            assertArrayEquals(new int[] {-100, 7}, new int[] {targets.get(0), targets.get(1)});
            refused("of I32, not of F32", () -> file.view(arena));
            Npy beyond = Npy.open(file(1, ints.formatted(8), large), arena);
            refused("holds 2147483648 at 1", () -> beyond.targets(arena));
            large[11] = 0x7f;
            assertEquals(
                    0x7f000000,
                    Npy.open(file(1, ints.formatted(8), large), arena)
                            .targets(arena)
                            .get(1));
            Npy floats = Npy.open(file(1, PAIR, new byte[8]), arena);
            refused("of F32, which targets cannot be: convert it to I64", () -> floats.targets(arena));
            String square = ints.formatted(4).replace("(2,)", "(2, 1)");
            refused("shape [2, 1], not a single dimension", () -> Npy.open(file(1, square, small), arena)
                    .targets(arena));
        }
    }

    @Test
    void targetsAreWrittenAndRead() throws IOException {
        Path path = folder.resolve("targets.npy");
        try (Arena arena = Arena.ofShared()) {
            for (int size : new int[] {0, 1, 3, 100_003}) {
                Ints written = Ints.allocate(arena, size);
                for (int i = 0; i < size; i++) {
                    written.set(i, i == 1 ? -100 : i * 7919);
                }
                Npy.write(path, written);
                Npy file = Npy.open(path, arena);
                assertEquals(DType.I32, file.dtype());
                Ints read = file.targets(arena);
                assertEquals(size, read.size());
                assertEquals(-1, written.segment().mismatch(read.segment()));
            }
        }
    }

    /** The byte 0x9c is -100 with a sign, and 156 without. */
    @ParameterizedTest
    @CsvSource({"|i1, 9c, -100", "|u1, 9c, 156", "<i2, 9cff, -100", "<u2, 9cff, 65436", "<i4, 9cffffff, -100"})
    void targetsOfEveryIntegerTypeAreWhatTheySay(String type, String bytes, int value) throws IOException {
        String header = "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }".formatted(type);
        try (Arena arena = Arena.ofConfined()) {
            Npy file = Npy.open(file(1, header, HexFormat.of().parseHex(bytes)), arena);
            assertEquals(value, file.targets(arena).get(0));
        }
    }

    @ParameterizedTest
    @CsvSource({"<u4, 9cffffff, holds 4294967196 at 0", "<u8, 9cffffffffffffff, 'of U64, which targets cannot be'"})
    void whatIsNoTokenWithoutItsSignIsRefused(String type, String bytes, String reason) throws IOException {
        String header = "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }".formatted(type);
        try (Arena arena = Arena.ofConfined()) {
            Npy file = Npy.open(file(1, header, HexFormat.of().parseHex(bytes)), arena);
            refused(reason, () -> file.targets(arena));
        }
    }

    @Test
    void opensWhatItCannotTakeForAMatrix() throws IOException {
        String doubles = "{'descr': '<f8', 'fortran_order': False, 'shape': (), }";
        try (Arena arena = Arena.ofConfined()) {
            Npy file = Npy.open(file(1, doubles, new byte[8]), arena);
            assertEquals(DType.F64, file.dtype());
            assertEquals(List.of(), file.shape());
            refused("shape []", () -> file.view(arena));
            Path number = file(1, doubles.replace("()", "(1)"), new byte[8]);
            refused("not a tuple", () -> Npy.open(number, arena));
            Npy vector = Npy.open(file(1, doubles.replace("()", "(1,)"), new byte[8]), arena);
            refused("of F64, not of F32, BF16 or F16: convert it", () -> vector.matrix(arena));
            Npy cube = Npy.open(file(1, PAIR.replace("(2,)", "(1, 2, 1)"), new byte[8]), arena);
            refused("shape [1, 2, 1], not that of a matrix: reshape it to (-1, 1)", () -> cube.view(arena));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', quoteCharacter = '`', textBlock = """
            {'descr': '<f4', 'fortran_order': True, 'shape': (2,), } ~ stored by columns
            {'descr': '>f4', 'fortran_order': False, 'shape': (2,), } ~ '>f4': big-endian
            {'descr': '|O', 'fortran_order': False, 'shape': (2,), } ~ '|O': Python objects
            {'descr': '|V2', 'fortran_order': False, 'shape': (4,), } ~ bfloat16
            {'descr': '<U2', 'fortran_order': False, 'shape': (1,), } ~ '<U2': not one of plain numbers
            {'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), } ~ the dtype is structured
            {'descr': '<f4', 'fortran_order': False, 'shape': (3,), } ~ takes 12 bytes, but 8 follow
            {'descr': '<f4', 'fortran_order': False, 'shape': (1,), } ~ takes 4 bytes, but 8 follow
            {'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), } ~ takes 0 bytes, but 8 follow
            {'descr': '<f4', 'fortran_order': False, 'shape': (-2,), } ~ expected an integer, found '-'
            {'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000000000000), } ~ too large to exist
            {'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), } ~ bad number
            {'descr': '<f4', 'fortran_order': False, 'shape': (02,), } ~ bad number
            {'descr': '<f4', 'fortran_order': False, 'shape': 2, } ~ expected '('
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,,), } ~ expected an integer
            {'descr': '<f4', 'fortran_order': False, 'shape': ((2,),), } ~ expected an integer
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,) ~ ends in the middle
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x ~ expected the end
            {'descr': '<f4', 'fortran_order': false, 'shape': (2,), } ~ expected True or False
            {'descr': '<f4', 'fortran_order': 0, 'shape': (2,), } ~ expected True or False
            {'descr': '<f4', 'fortran_order': False} ~ not described by
            {'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)} ~ "descr" stands there twice
            {'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1} ~ unknown key more
            {'descr': '\\x3cf4', 'fortran_order': False, 'shape': (2,), } ~ escape
            {'descr': 4, 'fortran_order': False, 'shape': (2,), } ~ expected a string
            {'descr': '<f4 ~ ends in the middle
            dict(descr='<f4', fortran_order=False, shape=(2,)) ~ expected '{'
            __import__('os').system('true') ~ expected '{'
            """)
    void hostileHeaders(String header, String reason) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            for (int version = 1; version <= 3; version++) {
                Path path = file(version, header, new byte[8]);
                String message = refused(reason, () -> Npy.open(path, arena));
                assertTrue(message.startsWith(path.toString()), message);
            }
        }
    }

    @Test
    void aShapeOfManyDimensionsTakesNoMemory() throws IOException {
        String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1, ".repeat(300_000) + "), }";
        try (Arena arena = Arena.ofConfined()) {
            refused("more than 64 integers", () -> Npy.open(file(2, header, new byte[4]), arena));
        }
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            for (int version = 1; version <= 3; version++) {
                Path path = file(version, PAIR, new byte[8]);
                byte[] whole = Files.readAllBytes(path);
                for (int length = 0; length < whole.length; length++) {
                    Files.write(path, Arrays.copyOf(whole, length));
                    refused(path.toString(), () -> Npy.open(path, arena));
                }
                Files.write(path, Arrays.copyOf(whole, whole.length + 1));
                refused("takes 8 bytes, but 9 follow", () -> Npy.open(path, arena));
            }
        }
    }

    @Test
    void otherFilesVersionsAndLengthsAreRefused() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            for (byte[] version : new byte[][] {{0, 0}, {1, 1}, {4, 0}, {-1, 0}}) {
                Path path = file(1, PAIR, new byte[8]);
                byte[] bytes = Files.readAllBytes(path);
                System.arraycopy(version, 0, bytes, 6, 2);
                Files.write(path, bytes);
                String stated = (version[0] & 0xff) + "." + version[1];
                refused("is " + stated + ", but those known", () -> Npy.open(path, arena));
            }
            Path path = file(2, PAIR, new byte[8]);
            byte[] bytes = Files.readAllBytes(path);
            Arrays.fill(bytes, 8, 12, (byte) 0xff);
            Files.write(path, bytes);
            refused("said to have 4294967295 bytes", () -> Npy.open(path, arena));
            Files.writeString(path, "this is no array at all");
            refused("this is no .npy file", () -> Npy.open(path, arena));
            Path broken = file(3, PAIR.replace("descr", "d\u00e9scr"), new byte[8]);
            byte[] latin = Files.readString(broken, StandardCharsets.ISO_8859_1)
                    .replace("\u00c3\u00a9", "\u00e9\u00e9")
                    .getBytes(StandardCharsets.ISO_8859_1);
            Files.write(broken, latin);
            refused("not UTF-8", () -> Npy.open(broken, arena));
            assertThrows(NoSuchFileException.class, () -> Npy.open(folder.resolve("none"), arena));
            String message = assertThrows(IOException.class, () -> Npy.open(folder, arena))
                    .getMessage();
            assertTrue(message.contains(folder + ": is a folder"), message);
        }
    }

    @Test
    void whatNumpyWritesIsRead() throws IOException, InterruptedException {
        Python.assumeNumpy(folder);
        Python.run(folder, """
                import numpy as np
                from numpy.lib import format
                f4 = (np.arange(15, dtype=np.float32).reshape(3, 5) - 7) / 3
                np.save('f4.npy', f4)
                np.save('f2.npy', f4.astype(np.float16))
                np.save('vector.npy', f4[1])
                np.save('empty.npy', f4[:0])
                np.save('i8.npy', np.array([-100, 3, 2**31 - 1], dtype=np.int64))
                np.save('i4.npy', np.array([-100, 3, -2**31], dtype=np.int32))
                np.save('columns.npy', np.asfortranarray(f4))
                np.save('big.npy', f4.astype('>f4'))
                np.save('objects.npy', np.array([{}], dtype=object))
                for version in (2, 0), (3, 0):
                    with open('version%d.npy' % version[0], 'wb') as file:
                        format.write_array(file, f4, version=version)
                """);
        try (Arena arena = Arena.ofConfined()) {
            float[] expected = new float[15];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = (i - 7) / 3f;
            }
            for (String name : List.of("f4", "version2", "version3")) {
                Npy file = open(name, arena);
                assertEquals(List.of(3L, 5L), file.shape());
                assertArrayEquals(expected, file.matrix(arena).toArray(), name);
            }
            HalfMatrix half =
                    assertInstanceOf(HalfMatrix.class, open("f2", arena).view(arena));
            for (int i = 0; i < expected.length; i++) {
                assertEquals(Float.float16ToFloat(Float.floatToFloat16(expected[i])), half.get(i / 5, i % 5));
            }
            ReadableMatrix vector = open("vector", arena).view(arena);
            assertArrayEquals(
                    Arrays.copyOfRange(expected, 5, 10),
                    vector.requireShape("vector", 1, 5) instanceof Matrix row ? row.toArray() : null);
            open("empty", arena).view(arena).requireShape("empty", 0, 5);
            assertEquals(Integer.MAX_VALUE, open("i8", arena).targets(arena).get(2));
            assertEquals(Integer.MIN_VALUE, open("i4", arena).targets(arena).get(2));
            refused("stored by columns", () -> open("columns", arena));
            refused("big-endian", () -> open("big", arena));
            refused("Python objects", () -> open("objects", arena));
        }
    }

    @Test
    void numpyReadsWhatIsWritten() throws IOException, InterruptedException {
        Python.assumeNumpy(folder);
        try (Arena arena = Arena.ofConfined()) {
            Matrix matrix = new Numbers(6).padded(arena, 3, 5, 1);
            Npy.write(folder.resolve("f4.npy"), matrix);
            Npy.write(folder.resolve("f2.npy"), HalfMatrix.of(arena, Format.FLOAT16, matrix));
            Npy.write(folder.resolve("row.npy"), matrix.rows(1, 2));
            Npy.write(folder.resolve("empty.npy"), matrix.rows(1, 1));
            Npy.write(folder.resolve("ints.npy"), Ints.of(3, -100, Integer.MAX_VALUE));
            Files.write(folder.resolve("f4.bytes"), bytes(matrix));
        }
        String printed = Python.run(folder, """
                import numpy as np
                bits = np.fromfile('f4.bytes', dtype='<u4').reshape(3, 5)
                f4, f2, row, empty = (np.load(n + '.npy', mmap_mode='r') for n in ('f4', 'f2', 'row', 'empty'))
                ints = np.load('ints.npy')
                assert ints.dtype == np.int32 and ints.tolist() == [3, -100, 2**31 - 1]
                assert f4.dtype == np.float32 and (f4.view('<u4') == bits).all()
                assert f2.dtype == np.float16 and (f2 == f4.astype(np.float16)).all()
                assert row.shape == (5,) and (row == f4[1]).all()
                assert empty.shape == (0, 5)
                assert f4.offset % 64 == 0
                print('agrees')
                """);
        assertEquals("agrees", printed.strip());
    }

    private static byte[] bytes(Matrix matrix) {
        ByteBuffer bytes = ByteBuffer.allocate((int) matrix.size() * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : matrix.toArray()) {
            bytes.putFloat(value);
        }
        return bytes.array();
    }

    private Npy open(String name, Arena arena) throws IOException {
        return Npy.open(folder.resolve(name + ".npy"), arena);
    }

    private static String refused(String reason, Executable reading) {
        String message = assertThrows(FormatException.class, reading).getMessage();
        assertTrue(message.contains(reason), message);
        return message;
    }

    private Path file(int version, String header, byte[] data) throws IOException {
        byte[] text = header.getBytes(version < 3 ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(12 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        if (version == 1) {
            bytes.putShort((short) text.length);
        } else {
            bytes.putInt(text.length);
        }
        bytes.put(text).put(data);
        Path path = folder.resolve("x.npy");
        Files.write(path, Arrays.copyOf(bytes.array(), bytes.position()));
        return path;
    }
}
