package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.Objects;
import java.util.function.IntConsumer;
import java.util.zip.CRC32C;

/**
 * What is learnt from: a sequence of tokens, and which of them are to be predicted. The others are context only.
 *
 * @param tokens the sequence
 * @param tokenizer what they are tokens of
 * @param learnt the positions of the tokens to be predicted
 * @param conversations the positions at which conversations begin, behind the boundaries before them; none in plain text
 */
public record TokenData(Tokens tokens, Tokenizer tokenizer, PositionList learnt, PositionList conversations) {

    /** A plain text: every token is to be predicted. */
    public static TokenData text(Tokens tokens, Tokenizer tokenizer) {
        return new TokenData(tokens, tokenizer, PositionList.all(tokens.size()), PositionList.NONE);
    }

    /** How many tokens are to be predicted. */
    public long count() {
        return learnt.size();
    }

    /** How many tokens there are, boundaries before conversations aside. */
    public long said() {
        // As many as stand before the first one stand before each.
        return conversations.size() == 0 ? tokens.size() : tokens.size() - conversations.get(0) * conversations.size();
    }

    /**
     * The position of one of them.
     *
     * @param index 0 to {@link #count} - 1
     */
    public long position(long index) {
        return learnt.get(index);
    }

    /**
     * How many bytes of text the tokens to be predicted say, from one (inclusive) to another (exclusive) of their indices.
     *
     * @throws IndexOutOfBoundsException if the range is not within them
     */
    public long bytes(long from, long to) {
        Objects.checkFromToIndex(from, to, count());
        if (count() == tokens.size()) {
            return tokens.bytes(from, to);
        }
        long bytes = 0;
        for (long index = from; index < to; index++) {
            int token = tokens.at(position(index));
            bytes += token == tokenizer.boundary() ? 0 : tokenizer.length(token); // a conversation's end is no text
        }
        return bytes;
    }

    /**
     * The same in fewer kinds of tokens: those before a position, and in any case the single bytes and the boundary. What stands behind it in other
     * tokens is spelled in bytes, so that it becomes longer. That of bytes keeps all.
     *
     * @param end a position; the tokens before it are kept
     * @param arena what the result lives as long as; shared, if several threads are to read it
     * @throws IllegalStateException if the tokenizer is not a whole one
     * @throws IOException if the temporary folder is full
     */
    public TokenData keepingOccurring(long end, Arena arena) throws IOException {
        if (tokenizer.kept().length > 0) {
            throw new IllegalStateException("tokens were taken out of the tokenizer already");
        }
        BitSet occurring = new BitSet();
        for (long position = 0; position < end; position++) {
            occurring.set(tokens.at(position));
        }
        Tokenizer compact = tokenizer.keeping(occurring.stream().toArray());
        try {
            return conversations.size() == 0 ? textIn(compact, arena) : conversationsIn(compact, arena);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private TokenData textIn(Tokenizer compact, Arena arena) throws IOException {
        try (TokenWriter writer = new TokenWriter(compact)) {
            for (long position = 0; position < tokens.size(); position++) {
                encode(position, compact, writer);
            }
            return text(writer.map(arena), compact);
        }
    }

    private TokenData conversationsIn(Tokenizer compact, Arena arena) throws IOException {
        try (ConversationWriter writer = new ConversationWriter(compact)) {
            long conversation = 0;
            long toLearn = 0;
            for (long position = 0; position < tokens.size(); position++) {
                if (conversation < conversations.size() && conversations.get(conversation) == position) {
                    writer.begin();
                    conversation++;
                }
                boolean isLearnt = toLearn < learnt.size() && learnt.get(toLearn) == position;
                toLearn += isLearnt ? 1 : 0;
                encode(position, compact, token -> writer.add(token, isLearnt));
            }
            return writer.map(arena);
        }
    }

    private void encode(long position, Tokenizer compact, IntConsumer to) {
        switch (compact) {
            case ByteTokenizer bytes -> to.accept(tokens.at(position));
            case BpeTokenizer pairs -> pairs.encodeId(tokens.at(position), to);
        }
    }

    /** CRC-32C of the tokens and of which are to be predicted. Reads them all. */
    public long fingerprint() {
        CRC32C crc = new CRC32C();
        tokens.addTo(crc);
        Tokens.add(learnt.memory(), crc);
        return crc.getValue();
    }
}
