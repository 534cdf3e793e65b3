package dev.panhead.trainer.data;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import com.knuddels.jtokkit.api.IntArrayList;
import java.util.Arrays;

/** The byte-pair encodings there are. Each takes a tenth of a second and up to 60 MB to load, once, when it is first needed. */
enum BpeVocabulary {
    R50K_BASE(EncodingType.R50K_BASE, 50256, 50256),
    CL100K_BASE(EncodingType.CL100K_BASE, 100256, 100257),
    O200K_BASE(EncodingType.O200K_BASE, 199998, 199999);

    private final EncodingType type;
    private final int ranks;
    private final int boundary;
    private Loaded loaded;

    BpeVocabulary(EncodingType type, int ranks, int boundary) {
        this.type = type;
        this.ranks = ranks;
        this.boundary = boundary;
    }

    /** As it is known elsewhere. */
    String encodingName() {
        return type.getName();
    }

    /** The id of {@code <|endoftext|>}, the last token that is used here; an id between the merged tokens and it says nothing. */
    int boundary() {
        return boundary;
    }

    /** The vocabulary itself. */
    synchronized Loaded load() {
        if (loaded == null) {
            loaded = Loaded.of(Encodings.newLazyEncodingRegistry().getEncoding(type), ranks, boundary + 1);
        }
        return loaded;
    }

    /**
     * A vocabulary in memory.
     *
     * @param encoding encodes; safe to share between threads, for its decoding, which is not, is not used any more
     * @param bytes what the tokens say, one after the other
     * @param starts where each token's bytes begin, and where the last one's end
     * @param ofByte the token of each single byte
     */
    record Loaded(Encoding encoding, byte[] bytes, int[] starts, int[] ofByte) {

        private static Loaded of(Encoding encoding, int ranks, int size) {
            int[] starts = new int[size + 1];
            int[] ofByte = new int[256];
            byte[] bytes = new byte[1 << 16];
            IntArrayList token = new IntArrayList(1);
            int end = 0;
            for (int id = 0; id < ranks; id++) {
                token.clear();
                token.add(id);
                byte[] said = encoding.decodeBytes(token);
                if (said.length == 1) {
                    ofByte[Byte.toUnsignedInt(said[0])] = id;
                }
                if (end + said.length > bytes.length) {
                    bytes = Arrays.copyOf(bytes, 2 * bytes.length);
                }
                System.arraycopy(said, 0, bytes, end, said.length);
                end += said.length;
                starts[id + 1] = end;
            }
            Arrays.fill(starts, ranks + 1, starts.length, end);
            return new Loaded(encoding, Arrays.copyOf(bytes, end), starts, ofByte);
        }
    }
}
