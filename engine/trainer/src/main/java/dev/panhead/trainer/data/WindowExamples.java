package dev.panhead.trainer.data;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongUnaryOperator;
import java.util.zip.CRC32C;

/**
 * The tokens of a text, each with the tokens before it.
 *
 * @param data the text
 * @param context how many tokens before each
 */
public record WindowExamples(TokenData data, int context) implements Examples {

    /** So much text goes into the fingerprint of a part, beside its length. */
    private static final int FINGERPRINT_BYTES = 1 << 20;

    @Override
    public long count() {
        return data.count();
    }

    @Override
    public Batch batch(Arena arena, int maxTokens) {
        return Batch.ofContexts(arena, maxTokens, context);
    }

    @Override
    public void copy(long example, Batch batch, int index) {
        long position = data.position(example);
        Tokens tokens = data.tokens();
        for (int i = 0; i < context; i++) {
            batch.contexts().set(index * context + i, tokens.at(position - context + i));
        }
        batch.targets().set(index, target(example));
    }

    @Override
    public long bytes(long from, long to) {
        return data.bytes(from, to);
    }

    /** Of the text that is to be predicted, by its bytes, so that it is the same text in any tokens; of several conversations, whole ones. */
    @Override
    public long lastTenth() {
        if (count() == 0) {
            return 0;
        }
        long bytes = bytes(0, count());
        long learned = bytes - Math.ceilDiv(bytes, 10);
        if (data.tokenizer() == Tokenizer.bytes() && data.conversations().size() == 0) {
            return learned;
        }
        long example = 0;
        for (long said = 0; said < learned; example++) {
            said += bytes(example, example + 1);
        }
        return cut(Math.clamp(example, Math.min(1, count() - 1), count() - 1)); // of very few, some on either side
    }

    /** Where a conversation begins: the next one, or the last. */
    private long cut(long example) {
        PositionList starts = data.conversations();
        if (starts.size() < 2) {
            return example;
        }
        long next = Math.min(first(starts.size(), starts::get, data.position(example)), starts.size() - 1);
        return first(count(), data::position, starts.get(next));
    }

    /**
     * The position at which that begins which is from an example on: of conversations, but for a lone one, the one that it is in.
     *
     * @param example {@link #lastTenth} or {@link #count}
     */
    public long begin(long example) {
        if (example == count()) {
            return data.tokens().size();
        }
        long position = data.position(example);
        return data.conversations().size() < 2 ? position : conversation(position);
    }

    /** The first index of ascending positions that is not less than one; how many there are, if all are. */
    private static long first(long size, LongUnaryOperator positions, long least) {
        long low = 0;
        long high = size;
        while (low < high) {
            long middle = (low + high) >>> 1;
            if (positions.applyAsLong(middle) < least) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Where the conversation begins that a position is in. */
    public long conversation(long position) {
        return data.conversations().get(conversationIndex(position));
    }

    private long conversationIndex(long position) {
        PositionList starts = data.conversations();
        return first(starts.size(), starts::get, position + 1) - 1;
    }

    @Override
    public int target(long example) {
        return data.tokens().at(data.position(example));
    }

    @Override
    public Map<String, Object> describe(long example) {
        long position = data.position(example);
        ByteArrayOutputStream before = new ByteArrayOutputStream();
        for (long i = position - context; i < position; i++) {
            before.writeBytes(
                    i < 0 ? new byte[0] : data.tokenizer().bytes(data.tokens().at(i)));
        }
        Map<String, Object> description = new LinkedHashMap<>();
        description.put("target", describeToken(target(example)));
        description.put("context", before.toString(StandardCharsets.UTF_8));
        description.put("position", position);
        return description;
    }

    @Override
    public String place(long example) {
        long position = data.position(example);
        return data.conversations().size() == 0
                ? "token " + position
                : "conversation " + (conversationIndex(position) + 1) + " of those read, token "
                        + (position - conversation(position));
    }

    @Override
    public String describeToken(int token) {
        return new String(data.tokenizer().bytes(token), StandardCharsets.UTF_8);
    }

    @Override
    public long fingerprint() {
        return data.fingerprint();
    }

    @Override
    public long fingerprint(long from, long to) {
        CRC32C sum = new CRC32C();
        int left = FINGERPRINT_BYTES;
        for (long example = from; example < to && left > 0; example++) {
            int token = target(example);
            if (token != data.tokenizer().boundary()) { // which is no text
                byte[] text = data.tokenizer().bytes(token);
                sum.update(text, 0, Math.min(text.length, left));
                left -= text.length;
            }
        }
        return 31 * sum.getValue() + bytes(from, to);
    }
}
