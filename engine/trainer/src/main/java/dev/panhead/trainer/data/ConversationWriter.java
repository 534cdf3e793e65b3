package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;

/** Conversations' tokens, and which are what, on their way to temporary files. Failures of writing are unchecked, for encoders call this. */
final class ConversationWriter implements AutoCloseable {

    private final Tokenizer tokenizer;
    private final TokenWriter tokens;
    private final TemporaryFile learnt;
    private final TemporaryFile starts;

    /** For tokens of a tokenizer. */
    ConversationWriter(Tokenizer tokenizer) throws IOException {
        this.tokenizer = tokenizer;
        tokens = new TokenWriter(tokenizer);
        learnt = TemporaryFile.create();
        starts = TemporaryFile.create();
    }

    /** Begins a conversation with the next token. */
    void begin() {
        put(starts);
    }

    /** Adds a token. */
    void add(int token, boolean isLearnt) {
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

    /** What was written. */
    TokenData map(Arena arena) throws IOException {
        return new TokenData(
                tokens.map(arena), tokenizer, PositionList.of(learnt.map(arena)), PositionList.of(starts.map(arena)));
    }

    @Override
    public void close() throws IOException {
        tokens.close();
        learnt.close();
        starts.close();
    }
}
