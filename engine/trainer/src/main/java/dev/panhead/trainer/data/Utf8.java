package dev.panhead.trainer.data;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** Text from bytes and back, without a loss: what cannot be is an error, not a question mark. */
final class Utf8 {

    private Utf8() {}

    /**
     * The text of some bytes.
     *
     * @throws TextException if they are not UTF-8: says which byte, counted from 0
     */
    static String decode(ByteBuffer bytes) throws TextException {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        CharBuffer text = CharBuffer.allocate(bytes.remaining());
        int start = bytes.position();
        CoderResult result = decoder.decode(bytes, text, true);
        if (result.isError()) {
            throw new TextException(invalid(bytes, bytes.position() - start));
        }
        return text.flip().toString();
    }

    /** What is wrong with the byte at which a decoder stopped. */
    static String invalid(ByteBuffer bytes, long position) {
        return String.format("byte %d (0x%02x) is not valid UTF-8", position, bytes.get(bytes.position()));
    }

    /**
     * Checks that a string can be written as UTF-8.
     *
     * @throws IllegalArgumentException if it has half of a surrogate pair
     */
    static void requireWhole(String text) {
        int half = indexOfHalf(text);
        if (half >= 0) {
            throw new IllegalArgumentException(
                    String.format("character %d is \\u%04x, half of a surrogate pair", half, (int) text.charAt(half)));
        }
    }

    /** Where half of a surrogate pair stands, or -1. */
    static int indexOfHalf(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c)
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }
}
