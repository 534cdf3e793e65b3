package dev.panhead.trainer.data;

import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.function.IntConsumer;

/** A byte is a token. */
final class ByteTokenizer implements Tokenizer {

    static final String NAME = "bytes";

    static final ByteTokenizer INSTANCE = new ByteTokenizer();

    private static final int SIZE = 256;

    private ByteTokenizer() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    public int boundary() {
        return 0;
    }

    @Override
    public void encode(String text, IntConsumer tokens) {
        Utf8.requireWhole(text);
        encode(text.getBytes(StandardCharsets.UTF_8), tokens);
    }

    @Override
    public void encode(byte[] text, IntConsumer tokens) {
        for (byte b : text) {
            tokens.accept(Byte.toUnsignedInt(b));
        }
    }

    @Override
    public byte[] bytes(int token) {
        return new byte[] {(byte) Objects.checkIndex(token, SIZE)};
    }

    @Override
    public int length(int token) {
        Objects.checkIndex(token, SIZE);
        return 1;
    }

    @Override
    public Tokenizer keeping(int[] ids) {
        for (int id : ids) {
            if (id < 0 || id >= SIZE) {
                throw new IllegalArgumentException("the tokenizer bytes has no token " + id);
            }
        }
        return this;
    }

    @Override
    public int[] kept() {
        return new int[0];
    }
}
