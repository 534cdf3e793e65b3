package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class TokensTest {

    private static final String TEXT = "In the beginning was the Word, and the Word was with God: 字。";

    @TempDir
    private Path folder;

    private TokenData read(String text, Tokenizer tokenizer, Arena arena) throws IOException {
        Path file = Files.writeString(folder.resolve("text.txt"), text);
        return TokenReader.read(List.of(file), tokenizer, arena);
    }

    @Test
    void theBoundaryStandsBeforeTheStart() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            for (String name : Tokenizer.names()) {
                Tokenizer tokenizer = Tokenizer.named(name);
                TokenData data = read("x", tokenizer, arena);
                Tokens tokens = data.tokens();
                assertEquals(1, tokens.size());
                assertEquals(1, data.count());
                assertEquals(0, data.position(0));
                assertEquals(0, data.conversations().size());
                assertArrayEquals(new byte[] {'x'}, tokenizer.bytes(tokens.at(0)));
                assertEquals(tokenizer.boundary(), tokens.at(-1));
                assertEquals(tokenizer.boundary(), tokens.at(Long.MIN_VALUE));
                assertThrows(IndexOutOfBoundsException.class, () -> tokens.at(1));
                assertThrows(IndexOutOfBoundsException.class, () -> tokens.at(Long.MAX_VALUE));
                assertThrows(IndexOutOfBoundsException.class, () -> data.position(1));
            }
        }
    }

    @Test
    void countsTheBytesThatTokensSay() throws IOException {
        long all = TEXT.getBytes(StandardCharsets.UTF_8).length;
        try (Arena arena = Arena.ofConfined()) {
            for (String name : Tokenizer.names()) {
                TokenData data = read(TEXT, Tokenizer.named(name), arena);
                Tokens tokens = data.tokens();
                assertEquals(all, tokens.bytes(0, tokens.size()));
                assertEquals(all, data.bytes(0, data.count()));
                assertEquals(all, tokens.bytes(0, 7) + tokens.bytes(7, tokens.size()));
                assertEquals(0, tokens.bytes(3, 3));
                assertThrows(IndexOutOfBoundsException.class, () -> tokens.bytes(0, tokens.size() + 1));
                assertThrows(IndexOutOfBoundsException.class, () -> tokens.bytes(-1, 1));
            }
        }
    }

    @Test
    void keepsOnlyWhatOccursAndTheSameText() throws IOException {
        String text = (TEXT + "\n").repeat(3000); // more ids than a buffer of the file's holds
        try (Arena arena = Arena.ofConfined()) {
            Tokenizer whole = Tokenizer.named("cl100k_base");
            TokenData full = read(text, whole, arena);
            TokenData compact = full.keepingOccurring(full.tokens().size(), arena);
            assertEquals(whole, full.tokenizer());
            assertTrue(compact.tokenizer().size() < 300, compact.tokenizer().describe() + "");
            assertEquals(full.tokens().size(), compact.tokens().size());
            int[] kept = compact.tokenizer().kept();
            for (long i = 0; i < full.tokens().size(); i++) {
                assertEquals(full.tokens().at(i), kept[compact.tokens().at(i)]);
            }
            TokenData again = read(text, compact.tokenizer(), arena);
            assertEquals(compact.tokenizer(), again.tokenizer());
            assertEquals(compact.fingerprint(), again.fingerprint());
            assertThrows(IllegalStateException.class, () -> again.keepingOccurring(1, arena));
            TokenData bytes = read(text, Tokenizer.bytes(), arena);
            TokenData same = bytes.keepingOccurring(0, arena);
            assertEquals(Tokenizer.bytes(), same.tokenizer());
            assertEquals(bytes.fingerprint(), same.fingerprint());
        }
    }

    /** Behind the end of what is kept, other tokens are spelled in bytes. */
    @Test
    void whatIsNotKeptIsSpelled() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            TokenData full = read("one two three", Tokenizer.named("r50k_base"), arena);
            assertEquals(3, full.tokens().size());
            TokenData cut = full.keepingOccurring(2, arena);
            assertEquals(256 + 1 + 2, cut.tokenizer().size());
            assertEquals(2 + " three".length(), cut.tokens().size());
            assertEquals(cut.tokens().size(), cut.count());
            StringBuilder said = new StringBuilder();
            for (int i = 0; i < cut.tokens().size(); i++) {
                said.append(new String(cut.tokenizer().bytes(cut.tokens().at(i)), StandardCharsets.UTF_8));
            }
            assertEquals("one two three", said.toString());
        }
    }

    /** The same text, in whatever tokens, and however the others are spelled. */
    @Test
    void theLastTenthIsATenthOfTheText() throws IOException {
        String text =
                "the cat sat on the mat and ".repeat(30) + "extraordinary misunderstandings notwithstanding ".repeat(2);
        try (Arena arena = Arena.ofConfined()) {
            TokenData bytes = read(text, Tokenizer.bytes(), arena);
            long learned = new WindowExamples(bytes, 2).lastTenth();
            assertEquals(text.length() - Math.ceilDiv(text.length(), 10), learned);
            TokenData full = read(text, Tokenizer.named("cl100k_base"), arena);
            WindowExamples examples = new WindowExamples(full, 2);
            long cut = examples.lastTenth();
            long said = full.bytes(0, cut);
            assertTrue(said >= learned && said < learned + 16, said + " of " + learned);
            TokenData spelled = full.keepingOccurring(examples.begin(cut), arena);
            assertTrue(spelled.tokens().size() > full.tokens().size());
            assertEquals(cut, new WindowExamples(spelled, 2).lastTenth());
            TokenData again = read(text, spelled.tokenizer(), arena);
            assertEquals(spelled.fingerprint(), again.fingerprint());
        }
    }

    @Test
    void theFingerprintIsThatOfTheTokens() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            CRC32C crc = new CRC32C();
            crc.update(TEXT.getBytes(StandardCharsets.UTF_8));
            Tokens tokens = read(TEXT, Tokenizer.bytes(), arena).tokens();
            assertEquals(crc.getValue(), tokens.fingerprint());
            assertNotEquals(
                    tokens.fingerprint(),
                    read(TEXT.replace('W', 'w'), Tokenizer.bytes(), arena)
                            .tokens()
                            .fingerprint());
            for (String name : Tokenizer.names()) {
                Tokenizer tokenizer = Tokenizer.named(name);
                assertEquals(
                        Tokens.of(TEXT.getBytes(StandardCharsets.UTF_8), tokenizer)
                                .fingerprint(),
                        read(TEXT, tokenizer, arena).tokens().fingerprint());
            }
        }
    }

    @Test
    void positionsBeyondTwoToThe31AreRight() throws IOException {
        Path file = folder.resolve("sparse");
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(
                        file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long size = (5L << 30) + 8;
            channel.write(ByteBuffer.wrap(new byte[] {1, 0, 0, 0, 2, 0, 0, 0}), size - 8);
            MemorySegment memory = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            Tokens bytes = new Tokens(memory, Tokenizer.bytes());
            assertEquals(size, bytes.size());
            assertEquals(2, bytes.at(size - 4));
            assertEquals(size, bytes.bytes(0, size));
            Tokens pairs = new Tokens(memory, Tokenizer.named("r50k_base"));
            assertEquals(size / 4, pairs.size());
            assertEquals(2, pairs.at(size / 4 - 1));
            assertEquals(1, PositionList.of(memory).get(size / 8 - 1) & 0xffff);
        }
    }

    @Test
    @EnabledOnOs({OS.LINUX, OS.MAC})
    void nothingIsLeftInTheTemporaryFolderEvenWhileItIsWritten() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory;
            try (TemporaryFile file = TemporaryFile.create(folder)) {
                for (int i = 0; i < 100_000; i++) {
                    file.putInt(i);
                }
                try (var files = Files.list(folder)) {
                    assertEquals(0, files.count());
                }
                memory = file.map(arena);
            }
            assertEquals(400_000, memory.byteSize());
            assertEquals(99_999, new Tokens(memory, Tokenizer.named("r50k_base")).at(99_999));
            assertThrows(IllegalArgumentException.class, () -> memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
        }
    }

    @Test
    void saysThatTheTemporaryFolderIsNotThere() {
        Path nowhere = folder.resolve("nowhere");
        IOException e = assertThrows(IOException.class, () -> TemporaryFile.create(nowhere));
        assertTrue(e.getMessage().contains("the temporary folder " + nowhere), e.getMessage());
        assertTrue(e.getMessage().contains("there is no such folder"), e.getMessage());
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void saysThatTheTemporaryFolderIsFull() throws IOException {
        try (TemporaryFile full =
                new TemporaryFile(folder, FileChannel.open(Path.of("/dev/full"), StandardOpenOption.WRITE))) {
            IOException e = assertThrows(IOException.class, () -> {
                for (int i = 0; i < 1 << 20; i++) {
                    full.putLong(i);
                }
            });
            assertTrue(
                    e.getMessage().contains("the temporary folder " + folder + " cannot be written"), e.getMessage());
            assertTrue(e.getMessage().contains("No space left"), e.getMessage());
        }
    }
}
