package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Texts read piece by piece are the texts themselves. */
class StreamingTest {

    @TempDir
    private Path folder;

    /** A stream that gives a few bytes at a time. */
    private static InputStream trickle(byte[] bytes, SplittableRandom random) {
        return new ByteArrayInputStream(bytes) {
            @Override
            public synchronized int read(byte[] into, int offset, int length) {
                return super.read(into, offset, Math.min(length, random.nextInt(1, 8)));
            }
        };
    }

    private static List<String> pieces(String text, int least, int most, SplittableRandom random) throws IOException {
        List<String> pieces = new ArrayList<>();
        TextPieces cutter = new TextPieces(least, most, pieces::add);
        cutter.append("text", trickle(text.getBytes(StandardCharsets.UTF_8), random));
        cutter.end();
        return pieces;
    }

    @ParameterizedTest
    @ValueSource(strings = {"r50k_base", "cl100k_base", "o200k_base"})
    void thePiecesTokensAreThoseOfTheWhole(String name) throws IOException {
        BpeTokenizer tokenizer = (BpeTokenizer) Tokenizer.named(name);
        SplittableRandom random = new SplittableRandom(2);
        long cuts = 0;
        for (int i = 0; i < 4000; i++) {
            String text = RandomTexts.of(random, 80);
            IntStream.Builder whole = IntStream.builder();
            tokenizer.encodePiece(text, whole);
            IntStream.Builder joined = IntStream.builder();
            for (String piece : pieces(text, random.nextInt(2, 12), 1 << 20, random)) {
                tokenizer.encodePiece(piece, joined);
                cuts++;
            }
            assertArrayEquals(whole.build().toArray(), joined.build().toArray(), text);
        }
        assertTrue(cuts > 15_000, "only " + cuts + " cuts");
    }

    @Test
    void whereNoCutIsSafeOneIsForcedBetweenCharacters() throws IOException {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 2000; i++) {
            String text = RandomTexts.of(random, 60);
            int most = random.nextInt(2, 20);
            List<String> pieces = pieces(text, 2, most, random);
            assertEquals(text, String.join("", pieces));
            for (String piece : pieces) {
                assertTrue(!piece.isEmpty() && piece.length() <= most && Utf8.indexOfHalf(piece) < 0, piece);
            }
            assertEquals(pieces, pieces(text, 2, most, random), "how much is read at once must not count");
        }
    }

    private int[] tokens(Tokenizer tokenizer, Path... paths) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tokens tokens = TokenReader.read(List.of(paths), tokenizer, arena).tokens();
            int[] array = new int[(int) tokens.size()];
            for (int i = 0; i < array.length; i++) {
                array[i] = tokens.at(i);
            }
            return array;
        }
    }

    private byte[] bytes(Path... paths) throws IOException {
        return TokenizerTest.decode(Tokenizer.bytes(), tokens(Tokenizer.bytes(), paths));
    }

    private Path write(String name, byte[] content) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        return Files.write(file, content);
    }

    private Path write(String name, String content) throws IOException {
        return write(name, content.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(compressed)) {
            gzip.write(content);
        }
        return compressed.toByteArray();
    }

    /** An archive of names and contents by turns. */
    private Path zip(String name, Object... entries) throws IOException {
        Path file = folder.resolve(name);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (int i = 0; i < entries.length; i += 2) {
                zip.putNextEntry(new ZipEntry((String) entries[i]));
                zip.write(
                        entries[i + 1] instanceof byte[] bytes
                                ? bytes
                                : ((String) entries[i + 1]).getBytes(StandardCharsets.UTF_8));
                zip.closeEntry();
            }
        }
        return file;
    }

    @ParameterizedTest
    @ValueSource(strings = {"bytes", "cl100k_base"})
    void readsFoldersArchivesAndCompressedFilesInTheOrderOfNames(String name) throws IOException {
        Tokenizer tokenizer = Tokenizer.named(name);
        write("texts/b.txt", "the Word, and the Wo");
        write("texts/a.txt", "In the beginning was ");
        write("texts/a/c.txt", "rd was with God");
        write("texts/.hidden", "no");
        write("texts/.hidden-folder/x.txt", "no");
        write("texts/z/empty.txt", "");
        write("texts/z/d.txt.gz", gzip(" - 字。\r\n".getBytes(StandardCharsets.UTF_8)));
        Path archive = zip(
                "texts.zip",
                "z/d.txt.gz",
                gzip(" - 字。\r\n".getBytes(StandardCharsets.UTF_8)),
                "b.txt",
                "the Word, and the Wo",
                ".hidden",
                "no",
                "a/",
                "",
                "a/c.txt",
                "rd was with God",
                "a/.hidden",
                "no",
                "a.txt",
                "In the beginning was ");
        String text = "In the beginning was rd was with Godthe Word, and the Wo - 字。\r\n";
        assertArrayEquals(TokenizerTest.encode(tokenizer, text), tokens(tokenizer, folder.resolve("texts")));
        assertArrayEquals(TokenizerTest.encode(tokenizer, text), tokens(tokenizer, archive));
        assertArrayEquals(
                TokenizerTest.encode(tokenizer, "the Word, and the Wo" + text),
                tokens(tokenizer, folder.resolve("texts/b.txt"), archive));
    }

    @Test
    void aTextLongerThanAllBuffersIsReadWhole() throws IOException {
        StringBuilder text = new StringBuilder();
        SplittableRandom random = new SplittableRandom(4);
        while (text.length() < 300_000) {
            text.append(RandomTexts.of(random, 40));
        }
        byte[] utf8 = text.toString().getBytes(StandardCharsets.UTF_8);
        Path file = write("long.txt", utf8);
        assertArrayEquals(utf8, bytes(file));
        assertArrayEquals(utf8, bytes(write("long.gz", gzip(utf8))));
        BpeTokenizer tokenizer = (BpeTokenizer) Tokenizer.named("o200k_base");
        IntStream.Builder whole = IntStream.builder();
        tokenizer.encodePiece(text.toString(), whole);
        int[] ids = whole.build().toArray();
        assertArrayEquals(ids, tokens(tokenizer, file));
        assertArrayEquals(ids, TokenizerTest.encode(tokenizer, text.toString()));
    }

    private void fails(Tokenizer tokenizer, Path path, String... reasons) {
        IOException e = assertThrows(IOException.class, () -> tokens(tokenizer, path));
        for (String reason : reasons) {
            assertTrue(e.getMessage().contains(reason), e.getMessage());
        }
        assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
    }

    @Test
    void saysWhereATextIsNotUtf8() throws IOException {
        byte[] text = "a字b".repeat(60_000).getBytes(StandardCharsets.UTF_8);
        Tokenizer tokenizer = Tokenizer.named("cl100k_base");
        byte[] broken = text.clone();
        broken[200_000] = (byte) 0xff; // the first byte of a 字, or else the broken character begins before
        fails(
                tokenizer,
                write("broken.txt", broken),
                ": byte ",
                "is not valid UTF-8; the tokenizer bytes takes any text");
        broken = text.clone();
        broken[200_000 - 200_000 % 5] = (byte) 0xff;
        fails(tokenizer, write("broken.txt", broken), ": byte 200000 (0xff)");
        fails(tokenizer, zip("broken.zip", "a.txt", "fine", "b.txt", broken), ", entry b.txt: byte 200000 (0xff)");
        fails(tokenizer, write("broken.gz", gzip(broken)), ": byte 200000 (0xff)");
        fails(tokenizer, write("cut.txt", Arrays.copyOf(text, 5 * 50_000 + 3)), ": byte 250001 (0xe5)");
        assertArrayEquals(broken, bytes(folder.resolve("broken.gz")));
    }

    @Test
    void theSecondFileMustBeUtf8ByItself() throws IOException {
        write("halves/a.txt", new byte[] {'x', (byte) 0xc3});
        write("halves/b.txt", new byte[] {(byte) 0xa9});
        fails(Tokenizer.named("r50k_base"), folder.resolve("halves"), "a.txt: byte 1 (0xc3)");
        assertArrayEquals(new byte[] {'x', (byte) 0xc3, (byte) 0xa9}, bytes(folder.resolve("halves")));
    }

    @Test
    void saysWhichCompressedFileIsCutOffOrBroken() throws IOException {
        byte[] content = new byte[100_000];
        new java.util.Random(5).nextBytes(content);
        byte[] gzip = gzip(content);
        for (int length : new int[] {0, 5, 1000, gzip.length - 5}) {
            fails(Tokenizer.bytes(), write("cut.gz", Arrays.copyOf(gzip, length)), "is broken: it is cut off");
        }
        fails(Tokenizer.bytes(), write("none.gz", "text, not compressed"), "is broken: ");
        byte[] flipped = gzip.clone();
        flipped[gzip.length - 6] ^= 1;
        fails(Tokenizer.bytes(), write("flipped.gz", flipped), "is broken: ");
        byte[] zip = Files.readAllBytes(zip("whole.zip", "a.txt", content));
        for (int length : new int[] {0, 10, 1000, zip.length - 5}) {
            fails(Tokenizer.bytes(), write("cut.zip", Arrays.copyOf(zip, length)), "is broken: ");
        }
        fails(Tokenizer.bytes(), write("none.zip", "text, not an archive"), "is broken: ");
    }

    @Test
    void noticesAWrongChecksumInAnArchive() throws IOException {
        byte[] content = "In the beginning was the Word".getBytes(StandardCharsets.UTF_8);
        Path file = folder.resolve("stored.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            ZipEntry entry = new ZipEntry("a.txt");
            CRC32 crc = new CRC32();
            crc.update(content);
            entry.setMethod(ZipEntry.STORED);
            entry.setSize(content.length);
            entry.setCrc(crc.getValue());
            zip.putNextEntry(entry);
            zip.write(content);
        }
        assertArrayEquals(content, bytes(file));
        byte[] zip = Files.readAllBytes(file);
        int at = new String(zip, StandardCharsets.ISO_8859_1).indexOf("Word");
        zip[at] = 'L';
        fails(Tokenizer.bytes(), write("stored.zip", zip), ", entry a.txt is broken: its checksum is wrong");
    }

    @Test
    void refusesWhatHoldsNoText() throws IOException {
        fails(Tokenizer.bytes(), folder.resolve("nowhere"), "there is no file or folder");
        fails(Tokenizer.bytes(), write("empty.txt", ""), "there is no text in");
        fails(Tokenizer.named("r50k_base"), write("empty.txt", ""), "there is no text in");
        fails(Tokenizer.bytes(), Files.createDirectory(folder.resolve("none")), "there is no text in");
        fails(Tokenizer.bytes(), zip("empty.zip"), "empty.zip");
        fails(Tokenizer.bytes(), zip("outer.zip", "inner.zip", "x"), "entry inner.zip is an archive itself");
    }
}
