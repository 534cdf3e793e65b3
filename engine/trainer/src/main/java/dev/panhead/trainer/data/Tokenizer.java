package dev.panhead.trainer.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * What turns texts into tokens, 0 to V - 1, and back. Every text can be encoded, and its tokens' bytes, joined, are the text.
 *
 * <p>{@code bytes}: a token is a byte, V = 256. {@code r50k_base}, {@code cl100k_base}, {@code o200k_base}: byte-pair encodings,
 * whole or cut down to some tokens. Strings that look like special tokens are text like any other. Immutable; safe to share
 * between threads.
 */
public sealed interface Tokenizer permits ByteTokenizer, BpeTokenizer {

    /** The tokenizer of bytes. */
    static Tokenizer bytes() {
        return ByteTokenizer.INSTANCE;
    }

    /** The names that {@link #named} knows. */
    static List<String> names() {
        List<String> names = new ArrayList<>(List.of(ByteTokenizer.NAME));
        for (BpeVocabulary vocabulary : BpeVocabulary.values()) {
            names.add(vocabulary.encodingName());
        }
        return List.copyOf(names);
    }

    /**
     * The whole tokenizer of a name.
     *
     * @throws IllegalArgumentException if none has it: says which there are
     */
    static Tokenizer named(String name) {
        if (name.equals(ByteTokenizer.NAME)) {
            return bytes();
        }
        for (BpeVocabulary vocabulary : BpeVocabulary.values()) {
            if (name.equals(vocabulary.encodingName())) {
                return new BpeTokenizer(vocabulary);
            }
        }
        throw new IllegalArgumentException(
                "there is no tokenizer " + name + "; there are " + String.join(", ", names()));
    }

    /**
     * The tokenizer that {@link #describe} and {@link #kept} described.
     *
     * @param kept empty for a whole tokenizer
     * @throws IllegalArgumentException if the description is not one, or the kept ids are not those it speaks of: says why
     */
    static Tokenizer of(Map<String, Object> description, int[] kept) {
        if (!(description.get("name") instanceof String name)) {
            throw new IllegalArgumentException("the tokenizer's name is " + description.get("name") + ", not a string");
        }
        Tokenizer tokenizer = named(name);
        if (kept.length > 0) {
            tokenizer = tokenizer.keeping(kept);
            if (!Arrays.equals(kept, tokenizer.kept())) {
                throw new IllegalArgumentException(
                        "the tokenizer's kept ids are not ascending, or lack single bytes or the " + "boundary, or "
                                + name + " keeps all");
            }
        }
        if (!description.entrySet().containsAll(tokenizer.describe().entrySet())) {
            throw new IllegalArgumentException("the tokenizer is said to be " + description + ", but with "
                    + kept.length + " kept ids it is " + tokenizer.describe());
        }
        return tokenizer;
    }

    /** {@code bytes}, {@code r50k_base}, {@code cl100k_base} or {@code o200k_base}. */
    String name();

    /** V, the number of tokens. */
    int size();

    /** The token that stands before a text's start and between texts: 0 for bytes, {@code <|endoftext|>} for the others. */
    int boundary();

    /**
     * Encodes a text; bytes take it as UTF-8.
     *
     * @param tokens is given the tokens, in order
     * @throws IllegalArgumentException if the string has half of a surrogate pair, which is no text
     */
    void encode(String text, IntConsumer tokens);

    /**
     * Encodes a text given as bytes.
     *
     * @param tokens is given the tokens, in order; none, if there is an exception
     * @throws TextException if they are not UTF-8 and the tokenizer is not that of bytes: says which byte
     */
    void encode(byte[] text, IntConsumer tokens) throws TextException;

    /**
     * What a token says; a part of a character, at times. The boundary of a byte-pair encoding says nothing.
     *
     * @throws IndexOutOfBoundsException if there is no such token
     */
    byte[] bytes(int token);

    /**
     * How many bytes a token says.
     *
     * @throws IndexOutOfBoundsException if there is no such token
     */
    int length(int token);

    /**
     * This name's tokenizer with only some of its tokens, and in any case the 256 single bytes and the boundary. A token that is
     * not kept is encoded as its bytes. The tokens are numbered from 0 in the order of their ids. That of bytes keeps all.
     *
     * @param ids tokens of the whole tokenizer, in any order
     * @throws IllegalArgumentException if one is none of them
     */
    Tokenizer keeping(int[] ids);

    /** The whole tokenizer's ids of this one's tokens, ascending; empty if it is the whole one. */
    int[] kept();

    /** What a model's configuration says of its tokenizer, beside {@link #kept}. */
    default Map<String, Object> describe() {
        Map<String, Object> description = new LinkedHashMap<>();
        description.put("name", name());
        description.put("vocabulary", size());
        description.put("boundary", boundary());
        return description;
    }
}
