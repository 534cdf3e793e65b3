package dev.panhead.trainer.data;

import com.knuddels.jtokkit.api.IntArrayList;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;
import java.util.function.IntConsumer;

/** A byte-pair encoding, whole or with some of its tokens. */
final class BpeTokenizer implements Tokenizer {

    private final BpeVocabulary vocabulary;
    private final BpeVocabulary.Loaded loaded;

    /** The ids of the tokens that are kept, ascending; null if all are. */
    private final int[] kept;

    /** The token of each id, -1 if it is not kept; null if all are. */
    private final int[] dense;

    /** A whole one. */
    BpeTokenizer(BpeVocabulary vocabulary) {
        this(vocabulary, null);
    }

    private BpeTokenizer(BpeVocabulary vocabulary, int[] kept) {
        this.vocabulary = vocabulary;
        this.kept = kept;
        loaded = vocabulary.load();
        if (kept == null) {
            dense = null;
        } else {
            dense = new int[vocabulary.boundary() + 1];
            Arrays.fill(dense, -1);
            for (int token = 0; token < kept.length; token++) {
                dense[kept[token]] = token;
            }
        }
    }

    @Override
    public String name() {
        return vocabulary.encodingName();
    }

    @Override
    public int size() {
        return kept == null ? vocabulary.boundary() + 1 : kept.length;
    }

    @Override
    public int boundary() {
        return size() - 1; // the highest id of all
    }

    @Override
    public void encode(String text, IntConsumer tokens) {
        Utf8.requireWhole(text);
        if (text.length() <= TextPieces.LEAST) {
            encodePiece(text, tokens);
        } else {
            TextPieces pieces = new TextPieces(piece -> encodePiece(piece, tokens));
            pieces.append(CharBuffer.wrap(text));
            pieces.end();
        }
    }

    /** Encodes whole characters, few enough for the memory that a part without a blank takes: up to 200 bytes each. */
    void encodePiece(String text, IntConsumer tokens) {
        IntArrayList ids = loaded.encoding().encodeOrdinary(text);
        for (int i = 0; i < ids.size(); i++) {
            encodeId(ids.get(i), tokens);
        }
    }

    /** Encodes what a token of the whole tokenizer says. */
    void encodeId(int id, IntConsumer tokens) {
        if (dense == null) {
            tokens.accept(id);
        } else if (dense[id] >= 0) {
            tokens.accept(dense[id]);
        } else {
            for (int b = loaded.starts()[id]; b < loaded.starts()[id + 1]; b++) {
                tokens.accept(dense[loaded.ofByte()[Byte.toUnsignedInt(loaded.bytes()[b])]]);
            }
        }
    }

    @Override
    public void encode(byte[] text, IntConsumer tokens) throws TextException {
        encode(Utf8.decode(ByteBuffer.wrap(text)), tokens);
    }

    @Override
    public byte[] bytes(int token) {
        int id = id(token);
        return Arrays.copyOfRange(loaded.bytes(), loaded.starts()[id], loaded.starts()[id + 1]);
    }

    @Override
    public int length(int token) {
        int id = id(token);
        return loaded.starts()[id + 1] - loaded.starts()[id];
    }

    private int id(int token) {
        Objects.checkIndex(token, size());
        return kept == null ? token : kept[token];
    }

    @Override
    public Tokenizer keeping(int[] ids) {
        BitSet keep = new BitSet();
        for (int id : ids) {
            if (id < 0 || id > vocabulary.boundary()) {
                throw new IllegalArgumentException("the tokenizer " + name() + " has no token " + id);
            }
            keep.set(id);
        }
        for (int id : loaded.ofByte()) {
            keep.set(id);
        }
        keep.set(vocabulary.boundary());
        return new BpeTokenizer(vocabulary, keep.stream().toArray());
    }

    @Override
    public int[] kept() {
        return kept == null ? new int[0] : kept.clone();
    }
}
