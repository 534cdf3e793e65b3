package dev.panhead.trainer.data;

import java.util.List;
import java.util.stream.IntStream;

/**
 * How messages are laid out, as ordinary text: {@code <|im_start|>role\ncontent<|im_end|>\n}. A turn's head, content, end mark and line
 * end are encoded each by itself.
 */
public final class ChatMl {

    static final String USER = "user";
    static final String ASSISTANT = "assistant";

    /** What ends a message. */
    static final String END = "<|im_end|>";

    private ChatMl() {}

    /** What begins a message. */
    static String head(String role) {
        return "<|im_start|>" + role + "\n";
    }

    /** A conversation's tokens up to where the assistant answers what a user says. */
    public static int[] question(Tokenizer tokenizer, String text) {
        return encode(tokenizer, head(USER), text, END, "\n", head(ASSISTANT));
    }

    /** How many tokens stand between a question and its answer: a context that is no longer does not reach it. */
    public static int distance(Tokenizer tokenizer) {
        return encode(tokenizer, END, "\n", head(ASSISTANT)).length;
    }

    /** The tokens that an answer ends with: those of its mark, or the boundary behind the conversation. */
    public static List<int[]> ends(Tokenizer tokenizer) {
        return List.of(new int[] {tokenizer.boundary()}, encode(tokenizer, END));
    }

    private static int[] encode(Tokenizer tokenizer, String... parts) {
        IntStream.Builder tokens = IntStream.builder();
        for (String part : parts) {
            tokenizer.encode(part, tokens);
        }
        return tokens.build().toArray();
    }
}
