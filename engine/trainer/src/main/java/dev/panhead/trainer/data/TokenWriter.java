package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.function.IntConsumer;

/** Tokens on their way to a temporary file, and which of them occur. */
final class TokenWriter implements IntConsumer, AutoCloseable {

    private final TemporaryFile file;
    private final boolean narrow;
    private final BitSet occurring = new BitSet();
    private long size;

    /** For tokens of a tokenizer. */
    TokenWriter(Tokenizer tokenizer) throws IOException {
        file = TemporaryFile.create();
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
                occurring.set(token);
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

    /** The tokenizer with those of a whole one's tokens only that occur; what was written is then of it. */
    Tokenizer keepOccurring(Tokenizer whole) throws IOException {
        Tokenizer compact = whole.keeping(occurring.stream().toArray());
        if (compact != whole) {
            int[] map = new int[whole.size()];
            int[] kept = compact.kept();
            for (int token = 0; token < kept.length; token++) {
                map[kept[token]] = token;
            }
            file.replaceInts(map);
        }
        return compact;
    }

    /** The tokens, which are this tokenizer's. */
    Tokens map(Arena arena, Tokenizer tokenizer) throws IOException {
        return new Tokens(file.map(arena), tokenizer);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
