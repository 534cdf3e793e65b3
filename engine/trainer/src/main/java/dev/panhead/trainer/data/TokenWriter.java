package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.function.IntConsumer;

/** Tokens on their way to a temporary file. */
final class TokenWriter implements IntConsumer, AutoCloseable {

    private final TemporaryFile file;
    private final Tokenizer tokenizer;
    private final boolean narrow;
    private long size;

    /** For tokens of a tokenizer. */
    TokenWriter(Tokenizer tokenizer) throws IOException {
        file = TemporaryFile.create();
        this.tokenizer = tokenizer;
        narrow = Tokens.isNarrow(tokenizer);
    }

    /** Adds a token; failures are unchecked here, for this is called from within encoders. */
    @Override
    public void accept(int token) {
        try {
            if (narrow) {
                file.putByte(token);
            } else {
                file.putInt(token);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        size++;
    }

    /** How many there are so far. */
    long size() {
        return size;
    }

    /** The tokens. */
    Tokens map(Arena arena) throws IOException {
        return new Tokens(file.map(arena), tokenizer);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
