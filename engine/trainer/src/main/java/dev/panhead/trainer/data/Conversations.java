package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Conversations to be learnt from (supervised fine-tuning), read from files of JSON lines:
 *
 * <pre>{@code
 * {"prompt": "...", "completion": "..."}
 * {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}
 * }</pre>
 *
 * Learnt are a completion and the boundary behind it; or what the assistant says, each time with its end mark, and the boundary
 * if the assistant has the last word. Messages (of system, user and assistant) are laid out as {@link ChatMl} says. Prompt and completion, and a turn's head, content, end mark and line end, are
 * encoded each by itself: whoever asks a trained model must encode in the same way.
 *
 * @param data the conversations, each with so many boundaries before it that no context holds anything of the one before
 * @param conversations how many there are
 * @param ofMessages whether some are of messages
 * @param skipped how many lines were passed over because of errors
 * @param firstErrors what was wrong with the first of them, at most {@value #SHOWN}, with file and line
 */
public record Conversations(
        TokenData data, long conversations, boolean ofMessages, long skipped, List<String> firstErrors) {

    /** How many errors are kept. */
    public static final int SHOWN = 10;

    /**
     * Reads conversations from files, folders, {@code .gz} files and {@code .zip} archives, as {@link TokenReader} does. Blank
     * lines are passed over.
     *
     * @param tokenizer what to encode with
     * @param context n, how many tokens a model sees before each, and how many boundaries to lay before a conversation
     * @param skipBadLines pass lines with errors over, and count them, instead of ending at the first
     * @param arena what the tokens live as long as; shared, if several threads are to read them
     * @throws TextException if a file is broken, or a line is none of the two kinds: says which, where and why
     * @throws IOException if a file cannot be read, or no conversation is in them, or the temporary folder is full: says which
     */
    public static Conversations read(
            List<Path> paths, Tokenizer tokenizer, int context, boolean skipBadLines, Arena arena) throws IOException {
        if (context < 0) {
            throw new IllegalArgumentException("context must not be negative, but is " + context);
        }
        try (Layout layout = new Layout(tokenizer, context)) {
            long[] skipped = new long[1];
            List<String> firstErrors = new ArrayList<>();
            SourceFiles.read(
                    paths,
                    (name, content) ->
                            JsonLines.read(name, content, line -> layout.add(Conversation.parse(line)), error -> {
                                if (!skipBadLines) {
                                    throw error;
                                }
                                if (skipped[0]++ < SHOWN) {
                                    firstErrors.add(error.getMessage());
                                }
                            }));
            if (layout.conversations == 0) {
                throw new TextException("there is no conversation in " + SourceFiles.describe(paths)
                        + (skipped[0] == 0 ? "" : ", but " + skipped[0] + " bad lines: " + firstErrors.getFirst()));
            }
            return new Conversations(
                    layout.writer.map(arena),
                    layout.conversations,
                    layout.ofMessages,
                    skipped[0],
                    List.copyOf(firstErrors));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Lays conversations out. */
    private static final class Layout implements AutoCloseable {

        private final Tokenizer tokenizer;
        private final int context;
        private final ConversationWriter writer;
        private long conversations;
        private boolean ofMessages;

        Layout(Tokenizer tokenizer, int context) throws IOException {
            this.tokenizer = tokenizer;
            this.context = context;
            writer = new ConversationWriter(tokenizer);
        }

        void add(Conversation conversation) {
            for (int i = 0; i < context; i++) {
                writer.add(tokenizer.boundary(), false);
            }
            writer.begin();
            conversations++;
            ofMessages |= conversation.ofMessages();
            for (Conversation.Part part : conversation.parts()) {
                tokenizer.encode(part.text(), token -> writer.add(token, part.learnt()));
            }
            writer.add(tokenizer.boundary(), conversation.endLearnt());
        }

        @Override
        public void close() throws IOException {
            writer.close();
        }
    }
}
