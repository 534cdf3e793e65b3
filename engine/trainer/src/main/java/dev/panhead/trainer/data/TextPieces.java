package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Cuts a text of any length into pieces whose tokens, joined, are those of the whole.
 *
 * <p>A byte-pair encoding first splits a text by a pattern, then merges within the parts; so a cut is safe where the pattern
 * splits whatever stands before and behind, and where it looks neither back nor ahead over the cut. That is so after a letter or
 * number and before a character that is no letter, number, mark or apostrophe: in all three patterns, a part that has a letter
 * goes on with letters (o200k_base: or marks, or an apostrophe), one that has a number with numbers; no part looks back; and the
 * only one that looks ahead is a run of blanks, which does not end at such a cut. Halves of surrogate pairs are kept clear of.
 *
 * <p>Where no such place is among a million characters (in a run of digits, say, or of letters without a blank or a punctuation
 * mark), the text is cut all the same: the tokens are others there than those of the whole, and say the same. The cuts depend on
 * the text alone.
 */
final class TextPieces {

    /** Texts as short as this are one piece. */
    static final int LEAST = 1 << 16;

    private static final int MOST = 1 << 20;

    private final int most;
    private final Consumer<String> pieces;

    /** What is not yet given away, from 0 to size. */
    private char[] text;

    private int size;

    /** Gives the pieces to a consumer. */
    TextPieces(Consumer<String> pieces) {
        this(LEAST, MOST, pieces);
    }

    /** Looks for a place to cut among {@code least} chars, then among more, to at most {@code most}; both are two or more. */
    TextPieces(int least, int most, Consumer<String> pieces) {
        this.most = most;
        this.pieces = pieces;
        text = new char[least];
    }

    /**
     * Goes on with the text of a file.
     *
     * @throws TextException if it is not UTF-8: says where
     */
    void append(String name, InputStream content) throws IOException {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer bytes = ByteBuffer.allocate(1 << 16).limit(0);
        CharBuffer chars = CharBuffer.allocate(1 << 16); // a byte is at most one
        long start = 0; // the position in the file of the buffer's first byte
        boolean end = false;
        while (!end) {
            start += bytes.position();
            bytes.compact();
            int read = content.read(bytes.array(), bytes.position(), bytes.remaining());
            end = read < 0;
            bytes.position(bytes.position() + Math.max(0, read)).flip();
            CoderResult result = decoder.decode(bytes, chars.clear(), end);
            append(chars.flip());
            if (result.isError()) {
                throw new TextException(name + ": " + Utf8.invalid(bytes, start + bytes.position())
                        + "; the tokenizer bytes takes any text");
            }
        }
    }

    /** Goes on with a text of whole characters. */
    void append(CharBuffer chars) {
        while (chars.hasRemaining()) {
            int fitting = Math.min(text.length - size, chars.remaining());
            if (fitting > 0 && Character.isHighSurrogate(chars.charAt(fitting - 1))) {
                fitting--;
            }
            chars.get(text, size, fitting);
            size += fitting;
            if (chars.hasRemaining()) {
                cut();
            }
        }
    }

    /** Gives the rest away. */
    void end() {
        give(size);
    }

    /** Makes room. */
    private void cut() {
        int at = size - 1;
        while (at > 0 && !isSafe(text[at - 1], text[at])) {
            at--;
        }
        if (at > 0) {
            give(at);
        } else if (text.length < most) {
            text = Arrays.copyOf(text, Math.min(most, 2 * text.length));
        } else {
            give(size); // whole characters
        }
    }

    private void give(int length) {
        if (length > 0) {
            pieces.accept(new String(text, 0, length));
            System.arraycopy(text, length, text, 0, size - length);
            size -= length;
        }
    }

    private static boolean isSafe(char before, char behind) {
        return Character.isLetterOrDigit(before) && !isInWord(behind);
    }

    /** Whether a part of the text with letters or numbers may go on with this. */
    private static boolean isInWord(char c) {
        return switch (Character.getType(c)) {
            case Character.UPPERCASE_LETTER,
                    Character.LOWERCASE_LETTER,
                    Character.TITLECASE_LETTER,
                    Character.MODIFIER_LETTER,
                    Character.OTHER_LETTER,
                    Character.DECIMAL_DIGIT_NUMBER,
                    Character.LETTER_NUMBER,
                    Character.OTHER_NUMBER,
                    Character.NON_SPACING_MARK,
                    Character.COMBINING_SPACING_MARK,
                    Character.ENCLOSING_MARK,
                    Character.SURROGATE -> true;
            default -> c == '\'';
        };
    }
}
