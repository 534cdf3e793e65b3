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
     * @param onlyOccurring cut a whole byte-pair encoding down to the tokens that occur; the result has the smaller tokenizer
     * @param context n, how many tokens a model sees before each, and how many boundaries to lay before a conversation
     * @param skipBadLines pass lines with errors over, and count them, instead of ending at the first
     * @param arena what the tokens live as long as; shared, if several threads are to read them
     * @throws TextException if a file is broken, or a line is none of the two kinds: says which, where and why
     * @throws IOException if a file cannot be read, or no conversation is in them, or the temporary folder is full: says which
     */
    public static Conversations read(
            List<Path> paths,
            Tokenizer tokenizer,
            boolean onlyOccurring,
            int context,
            boolean skipBadLines,
            Arena arena)
            throws IOException {
        if (context < 0) {
            throw new IllegalArgumentException("context must not be negative, but is " + context);
        }
        try (Writer writer = new Writer(tokenizer, context)) {
            long[] skipped = new long[1];
            List<String> firstErrors = new ArrayList<>();
            SourceFiles.read(
                    paths,
                    (name, content) ->
                            JsonLines.read(name, content, line -> writer.add(Conversation.parse(line)), error -> {
                                if (!skipBadLines) {
                                    throw error;
                                }
                                if (skipped[0]++ < SHOWN) {
                                    firstErrors.add(error.getMessage());
                                }
                            }));
            if (writer.conversations == 0) {
                throw new TextException("there is no conversation in " + TokenReader.describe(paths)
                        + (skipped[0] == 0 ? "" : ", but " + skipped[0] + " bad lines: " + firstErrors.getFirst()));
            }
            TokenData data = writer.finish(onlyOccurring, arena);
            return new Conversations(
                    data, writer.conversations, writer.ofMessages, skipped[0], List.copyOf(firstErrors));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    /** Conversations on their way to temporary files. */
    private static final class Writer implements AutoCloseable {

        private final Tokenizer tokenizer;
        private final int context;
        private final TokenWriter tokens;
        private final TemporaryFile learnt;
        private final TemporaryFile starts;
        private long conversations;
        private boolean ofMessages;

        Writer(Tokenizer tokenizer, int context) throws IOException {
            this.tokenizer = tokenizer;
            this.context = context;
            tokens = new TokenWriter(tokenizer);
            learnt = TemporaryFile.create();
            starts = TemporaryFile.create();
        }

        void add(Conversation conversation) {
            for (int i = 0; i < context; i++) {
                tokens.accept(tokenizer.boundary());
            }
            put(starts);
            conversations++;
            ofMessages |= conversation.ofMessages();
            for (Conversation.Part part : conversation.parts()) {
                tokenizer.encode(part.text(), token -> add(token, part.learnt()));
            }
            add(tokenizer.boundary(), conversation.endLearnt());
        }

        private void add(int token, boolean isLearnt) {
            if (isLearnt) {
                put(learnt);
            }
            tokens.accept(token);
        }

        /** Notes the position of the token that comes next. */
        private void put(TemporaryFile positions) {
            try {
                positions.putLong(tokens.size());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        TokenData finish(boolean onlyOccurring, Arena arena) throws IOException {
            Tokenizer used =
                    onlyOccurring && TokenReader.isWhole(tokenizer) ? tokens.keepOccurring(tokenizer) : tokenizer;
            return new TokenData(
                    tokens.map(arena, used),
                    used,
                    PositionList.of(learnt.map(arena)),
                    PositionList.of(starts.map(arena)));
        }

        @Override
        public void close() throws IOException {
            tokens.close();
            learnt.close();
            starts.close();
        }
    }
}
