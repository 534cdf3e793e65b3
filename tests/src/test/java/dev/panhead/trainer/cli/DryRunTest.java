package dev.panhead.trainer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.trainer.data.Conversations;
import dev.panhead.trainer.data.TokenData;
import dev.panhead.trainer.data.TokenReader;
import dev.panhead.trainer.data.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DryRunTest {

    private static final String TALK = """
            {"prompt": "2 + 2 =", "completion": " four"}
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello there"}]}
            """;

    @TempDir
    private Path folder;

    private TokenData text(String text, Tokenizer tokenizer, Arena arena) throws IOException {
        return TokenReader.read(List.of(Files.writeString(folder.resolve("text"), text)), tokenizer, arena);
    }

    private TokenData talk(Arena arena) throws IOException {
        Path file = Files.writeString(folder.resolve("talk.jsonl"), TALK);
        return Conversations.read(List.of(file), Tokenizer.named("cl100k_base"), 5, false, arena)
                .data();
    }

    private static String print(TokenData data, int tokens, int batch, boolean coloured) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
        DryRun.print(out, data, tokens, 0, batch, coloured);
        return bytes.toString(StandardCharsets.UTF_8).replace("\r\n", "\n");
    }

    @Test
    void bracketsTellLearntTokensFromMaskedOnes() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            assertEquals("""
                    conversation 1
                    2 + 2 =|[ four][<|endoftext|>]
                    conversation 2
                    <|im_start|>user\\n
                    Hi<|im_end|>\\n
                    <|im_start|>assistant\\n
                    [Hello][ there][<][|][im][_end][|][>]|\\n
                    [<|endoftext|>]
                    2 conversations, 41 tokens, 11 of them to be predicted (26.8 %): 3 batches of 4
                    """, print(talk(arena), 100, 4, false));
        }
    }

    @Test
    void showsSoManyTokensAsAreAskedFor() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            TokenData data = text("one two three", Tokenizer.named("r50k_base"), arena);
            assertEquals(
                    "[one][ two]\n...\n3 tokens, 3 of them to be predicted (100.0 %): 1 batch of 1,024\n",
                    print(data, 2, 1024, false));
            assertEquals(
                    "...\n3 tokens, 3 of them to be predicted (100.0 %): 3 batches of 1\n", print(data, 0, 1, false));
            assertEquals(
                    "[one][ two][ three]\n3 tokens, 3 of them to be predicted (100.0 %): 2 batches of 2\n",
                    print(data, 3, 2, false));
            String shown = print(talk(arena), 8, 4, false);
            assertTrue(shown.contains("[<|endoftext|>]\nconversation 2\n<\n...\n"), shown);
        }
    }

    @Test
    void nothingInATextReachesTheTerminalButText() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            String shown =
                    print(text("\u001b[31m\r\n\t\0\u009b\u202eé", Tokenizer.named("cl100k_base"), arena), 99, 1, false);
            assertTrue(shown.contains("\\x1b"), shown);
            assertTrue(shown.contains("\\r\\n"), shown);
            assertTrue(shown.contains("\\t"), shown);
            assertTrue(shown.contains("é"), shown);
            assertFalse(shown.matches("(?s).*[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u202e].*"), shown);
            assertTrue(print(text("é", Tokenizer.bytes(), arena), 9, 1, false).startsWith("[\\xc3][\\xa9]\n"));
        }
    }

    @Test
    void coloursAlternateSoThatEdgesShow() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            String shown = print(talk(arena), 100, 4, true);
            String masked = "\u001b[2m";
            String green = "\u001b[30m\u001b[42m";
            String cyan = "\u001b[30m\u001b[46m";
            assertTrue(shown.startsWith("conversation 1\n" + masked + "2\u001b["), shown);
            assertTrue(shown.contains(green + "<|endoftext|>") && shown.contains(cyan + " four"), shown);
            assertTrue(shown.contains(cyan + "Hello") && shown.contains(green + " there"), shown);
            assertFalse(shown.contains("[Hello"), shown);
            assertTrue(
                    shown.endsWith("2 conversations, 41 tokens, 11 of them to be predicted (26.8 %): 3 batches of 4\n"),
                    shown);
        }
    }
}
