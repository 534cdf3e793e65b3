package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConversationsTest {

    private static final String GOOD = "{\"prompt\": \"2+2=\", \"completion\": \"4\"}";

    @TempDir
    private Path folder;

    static List<String> names() {
        return Tokenizer.names();
    }

    private Path write(String... lines) throws IOException {
        return Files.writeString(folder.resolve("talk.jsonl"), String.join("\n", lines));
    }

    private static Conversations read(Path path, Tokenizer tokenizer, int context, boolean skip, Arena arena)
            throws IOException {
        return Conversations.read(List.of(path), tokenizer, context, skip, arena);
    }

    /** The tokens as text: learnt ones upright between brackets, boundaries as {@code #}, each run of a kind joined. */
    private static String show(TokenData data) {
        StringBuilder shown = new StringBuilder();
        long next = 0;
        boolean before = false;
        java.io.ByteArrayOutputStream run = new java.io.ByteArrayOutputStream();
        for (long position = 0; position < data.tokens().size(); position++) {
            boolean learnt = next < data.count() && data.position(next) == position;
            next += learnt ? 1 : 0;
            if (learnt != before) {
                shown.append(run.toString(StandardCharsets.UTF_8)).append(learnt ? "[" : "]");
                run.reset();
            }
            before = learnt;
            int token = data.tokens().at(position);
            run.writeBytes(
                    token == data.tokenizer().boundary()
                            ? new byte[] {'#'}
                            : data.tokenizer().bytes(token));
        }
        assertEquals(data.count(), next);
        return shown.append(run.toString(StandardCharsets.UTF_8))
                .append(before ? "]" : "")
                .toString();
    }

    @ParameterizedTest
    @MethodSource("names")
    void completionsAndWhatTheAssistantSaysAreLearnt(String name) throws IOException {
        Path file = write(
                GOOD,
                "",
                "  \r",
                "{\"completion\": \"字 é\\n\", \"id\": [1, {\"a\": null}], \"prompt\": \"\", \"prompt\": \"x \"}\r",
                "{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\", \"content\": \"Hi\"},"
                        + " {\"role\": \"assistant\", \"content\": \"Yes?\", \"name\": 7}, {\"role\": \"user\", \"content\": \"\"},"
                        + " {\"role\": \"assistant\", \"content\": \"\"}]}",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"A<|endoftext|>\"}, {\"role\": \"user\", \"content\": \"B\"}]}");
        try (Arena arena = Arena.ofConfined()) {
            Conversations read = read(file, Tokenizer.named(name), 3, false, arena);
            assertEquals(
                    "###2+2=[4#]"
                            + "###x [字 é\n#]"
                            + "###<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                            + "<|im_start|>assistant\n[Yes?<|im_end|>]\n<|im_start|>user\n<|im_end|>\n"
                            + "<|im_start|>assistant\n[<|im_end|>]\n[#]"
                            + "###<|im_start|>assistant\n[A<|endoftext|><|im_end|>]\n<|im_start|>user\nB<|im_end|>\n#",
                    show(read.data()));
            assertEquals(4, read.conversations());
            assertEquals(4, read.data().conversations().size());
            assertEquals(3, read.data().conversations().get(0));
            assertEquals(0, read.skipped());
            assertEquals(List.of(), read.firstErrors());
        }
    }

    /** A question is asked in the very tokens that stand before an answer that was learnt. */
    @ParameterizedTest
    @MethodSource("names")
    void aQuestionIsLaidOutAsItWasLearnt(String name) throws IOException {
        Path file = write("{\"messages\": [{\"role\": \"user\", \"content\": \"Wer war 字 Moses?\"},"
                + " {\"role\": \"assistant\", \"content\": \"A man.\"}]}");
        try (Arena arena = Arena.ofConfined()) {
            TokenData data = read(file, Tokenizer.named(name), 0, false, arena).data();
            int[] question = ChatMl.question(data.tokenizer(), "Wer war 字 Moses?");
            int[] before = new int[(int) data.position(0)];
            for (int i = 0; i < before.length; i++) {
                before[i] = data.tokens().at(i);
            }
            assertArrayEquals(before, question);
            int[] none = ChatMl.question(data.tokenizer(), "");
            int distance = ChatMl.distance(data.tokenizer());
            assertArrayEquals(
                    Arrays.copyOfRange(none, none.length - distance, none.length),
                    Arrays.copyOfRange(question, question.length - distance, question.length));
        }
    }

    /** What is held out are whole conversations, about a tenth of what is predicted, and never all. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 10, 57})
    void noConversationIsLearntInPart(int count) throws IOException {
        String[] lines = new String[count];
        for (int i = 0; i < count; i++) {
            lines[i] = "{\"prompt\": \"" + "?".repeat(i % 5) + "\", \"completion\": \"" + "!".repeat(1 + i * 7 % 13)
                    + "\"}";
        }
        try (Arena arena = Arena.ofConfined()) {
            TokenData data = read(write(lines), Tokenizer.named("bytes"), 4, false, arena)
                    .data();
            Examples examples = new WindowExamples(data, 4);
            long cut = examples.lastTenth();
            assertTrue(cut > 0 && cut < examples.count());
            if (count == 1) {
                assertEquals(examples.count() * 9 / 10, cut);
                return;
            }
            long start = data.position(cut);
            while (start > 0 && data.tokens().at(start - 1) != data.tokenizer().boundary()) {
                start--;
            }
            assertTrue(data.position(cut - 1) < start, "an answer is cut in two");
            assertTrue(Math.abs(cut - examples.count() * 0.9) < 15, cut + " of " + examples.count());
        }
    }

    @Test
    void noTokenLiesAcrossTheEdgeOfWhatIsLearnt() throws IOException {
        Tokenizer tokenizer = Tokenizer.named("cl100k_base");
        Path file = write("{\"prompt\": \"hel\", \"completion\": \"lo\"}");
        try (Arena arena = Arena.ofConfined()) {
            TokenData data = read(file, tokenizer, 0, false, arena).data();
            assertEquals("hel[lo#]", show(data));
            assertEquals(TokenizerTest.encode(tokenizer, "lo")[0], data.tokens().at(data.position(0)));
            assertEquals(2, data.count());
            assertEquals(2, data.bytes(0, 2));
            assertEquals(0, data.bytes(1, 2));
        }
    }

    @Test
    void onlyTheTokensThatOccurAreKept() throws IOException {
        Path file = write(GOOD, "{\"prompt\": \"Say hello\", \"completion\": \" hello world\"}");
        try (Arena arena = Arena.ofConfined()) {
            Tokenizer whole = Tokenizer.named("o200k_base");
            TokenData full = read(file, whole, 2, false, arena).data();
            TokenData compact = full.keepingOccurring(full.tokens().size(), arena);
            assertTrue(compact.tokenizer().size() < 266);
            assertEquals(show(full), show(compact));
            assertEquals(full.count(), compact.count());
            long second = full.conversations().get(1);
            TokenData cut = full.keepingOccurring(second - 2, arena);
            assertTrue(cut.tokenizer().size() < compact.tokenizer().size());
            assertEquals(full.conversations().get(0), cut.conversations().get(0));
            assertEquals(second, cut.conversations().get(1));
            assertEquals(full.bytes(0, full.count()), cut.bytes(0, cut.count()));
            assertTrue(cut.count() > full.count());
        }
    }

    @Test
    void theFingerprintTellsMasksApart() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            TokenData one = read(
                            write("{\"prompt\": \"ab\", \"completion\": \"c\"}"), Tokenizer.bytes(), 1, false, arena)
                    .data();
            TokenData other = read(
                            write("{\"prompt\": \"a\", \"completion\": \"bc\"}"), Tokenizer.bytes(), 1, false, arena)
                    .data();
            assertEquals(one.tokens().fingerprint(), other.tokens().fingerprint());
            assertNotEquals(one.fingerprint(), other.fingerprint());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"prompt": "a", "completion": }                              | , column 31: Unexpected character
            {"prompt": "a", "completion": "b"                            | : Unexpected end-of-input
            {"prompt": "a", "completion": "b"} x                         | , column 36: Unrecognized token
            {"prompt": "a", "completion": "b"} {}                        | , column 36: there is something behind
            ["prompt"]                                                   | , column 1: is not a JSON object
            "prompt"                                                     | , column 1: is not a JSON object
            nonsense                                                     | , column 1: Unrecognized token
            {}                                                           | : has neither messages nor prompt and completion
            {"text": "a"}                                                | : has neither messages nor prompt and completion
            {"prompt": "a"}                                              | : the completion is missing
            {"completion": "a"}                                          | : the prompt is missing
            {"prompt": 1, "completion": "b"}                             | : the prompt is a number, not a string
            {"prompt": "a", "completion": null}                          | : the completion is null, not a string
            {"prompt": "a", "completion": ""}                            | : the completion is empty
            {"prompt": "a", "completion": "b\\ud800"}                    | : the completion has half of a surrogate pair at character 1
            {"messages": {}}                                             | : messages is an object, not an array
            {"messages": null, "prompt": "a", "completion": "b"}         | : messages is null, not an array
            {"messages": []}                                             | : the conversation is empty
            {"messages": ["hello"]}                                      | : message 1 is a string, not an object
            {"messages": [{"content": "a"}]}                             | : the role of message 1 is missing
            {"messages": [{"role": true, "content": "a"}]}               | : the role of message 1 is a boolean, not a string
            {"messages": [{"role": "tool", "content": "a"}]}             | : the role of message 1 is "tool", not system, user or assistant
            {"messages": [{"role": "user"}]}                             | : the content of message 1 is missing
            {"messages": [{"role": "user", "content": ["a"]}]}           | : the content of message 1 is an array, not a string
            {"messages": [{"role": "user", "content": "a"}]}             | : no turn of the assistant says anything
            {"messages": [{"role": "assistant", "content": ""}]}         | : no turn of the assistant says anything
            """)
    void saysWhereALineIsWrongAndWhy(String line, String error) throws IOException {
        Path file = write(GOOD, "", line, GOOD);
        try (Arena arena = Arena.ofConfined()) {
            Exception e = assertThrows(TextException.class, () -> read(file, Tokenizer.bytes(), 1, false, arena));
            assertTrue(e.getMessage().startsWith(file + ", line 3"), e.getMessage());
            assertTrue(e.getMessage().contains(error), e.getMessage());
            assertEquals(1, e.getMessage().lines().count(), e.getMessage());
            Conversations read = read(file, Tokenizer.bytes(), 1, true, arena);
            assertEquals(
                    "#2+2=[4#]#2+2=[4#]".replace("#", "\0"), show(read.data()).replace("#", "\0"));
            assertEquals(2, read.conversations());
            assertEquals(1, read.skipped());
            assertEquals(List.of(e.getMessage()), read.firstErrors());
        }
    }

    @Test
    void hostileNestingIsAnErrorOfItsLine() throws IOException {
        Path file = write(GOOD, "{\"prompt\": " + "[".repeat(1_000_000), GOOD);
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(1, read(file, Tokenizer.bytes(), 1, true, arena).skipped());
        }
    }

    @Test
    void aLineThatIsNotUtf8IsOneBadLine() throws IOException {
        byte[] bytes = (GOOD + "\n" + GOOD + "\n" + GOOD + "\n").getBytes(StandardCharsets.UTF_8);
        bytes[GOOD.length() + 1 + 12] = (byte) 0xff;
        Path file = Files.write(folder.resolve("talk.jsonl"), bytes);
        try (Arena arena = Arena.ofConfined()) {
            Conversations read = read(file, Tokenizer.bytes(), 1, true, arena);
            assertEquals(2, read.conversations());
            assertEquals(List.of(file + ", line 2: byte 12 (0xff) is not valid UTF-8"), read.firstErrors());
        }
    }

    @Test
    void countsAllBadLinesAndKeepsTheFirstErrors() throws IOException {
        StringBuilder lines = new StringBuilder("\ufeff" + GOOD + "\n");
        for (int i = 0; i < 25; i++) {
            lines.append("bad\n");
        }
        Path file = write(lines.toString());
        try (Arena arena = Arena.ofConfined()) {
            Conversations read = read(file, Tokenizer.bytes(), 1, true, arena);
            assertEquals(1, read.conversations());
            assertEquals(25, read.skipped());
            assertEquals(Conversations.SHOWN, read.firstErrors().size());
            assertTrue(read.firstErrors().getFirst().startsWith(file + ", line 2, column 1: "));
            assertTrue(read.firstErrors().getLast().startsWith(file + ", line 11, column 1: "));
        }
    }

    @Test
    void filesWithoutAConversationAreRefused() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            for (String content : List.of("", "\n \n")) {
                Path file = write(content);
                Exception e = assertThrows(IOException.class, () -> read(file, Tokenizer.bytes(), 1, true, arena));
                assertEquals("there is no conversation in " + file, e.getMessage());
            }
            Path file = write("{}", "{}");
            Exception e = assertThrows(IOException.class, () -> read(file, Tokenizer.bytes(), 1, true, arena));
            assertTrue(e.getMessage().contains("but 2 bad lines: " + file + ", line 1: "), e.getMessage());
            assertThrows(IllegalArgumentException.class, () -> read(file, Tokenizer.bytes(), -1, true, arena));
        }
    }

    @Test
    void readsSeveralFilesCompressedOnesToo() throws IOException {
        Path file = write(GOOD);
        Path compressed = folder.resolve("more.jsonl.gz");
        try (OutputStream gzip = new GZIPOutputStream(Files.newOutputStream(compressed))) {
            gzip.write((GOOD + "\n" + GOOD).getBytes(StandardCharsets.UTF_8));
        }
        try (Arena arena = Arena.ofConfined()) {
            Conversations read = Conversations.read(List.of(file, compressed), Tokenizer.bytes(), 0, false, arena);
            assertEquals(3, read.conversations());
            assertEquals("2+2=[4#]".repeat(3), show(read.data()));
        }
    }
}
