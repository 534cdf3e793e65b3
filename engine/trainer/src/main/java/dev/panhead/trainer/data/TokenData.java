package dev.panhead.trainer.data;

import java.util.Objects;
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

    /** CRC-32C of the tokens and of which are to be predicted. Reads them all. */
    public long fingerprint() {
        CRC32C crc = new CRC32C();
        tokens.addTo(crc);
        Tokens.add(learnt.memory(), crc);
        return crc.getValue();
    }
}
