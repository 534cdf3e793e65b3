package dev.panhead.trainer.data;

import java.lang.foreign.Arena;
import java.util.Map;

/** Tokens to predict, numbered from 0, each with what it is predicted from. Immutable; one batch is filled by one thread. */
public interface Examples {

    /** How many there are; tokens that are not to be learned have no number. */
    long count();

    /** Memory for batches of at most {@code maxTokens} of them. */
    Batch batch(Arena arena, int maxTokens);

    /**
     * Makes token {@code index} of a batch an example.
     *
     * @param batch one of {@link #batch}
     * @param example from 0 to {@link #count} - 1
     */
    void copy(long example, Batch batch, int index);

    /**
     * The number of bytes of text that the examples {@code from} (inclusive) to {@code to} (exclusive) predict, or 0 where they
     * stand for no text.
     */
    long bytes(long from, long to);

    /** The example with which the last tenth begins, which a training holds out: rounded up, and so that nothing that belongs together is on both sides. */
    default long lastTenth() {
        return count() - Math.ceilDiv(count(), 10);
    }

    /** The token that an example is to be predicted as. */
    int target(long example);

    /** An example for people: {@code target} and, where there is text, the {@code context} before it; both as text. */
    Map<String, Object> describe(long example);

    /** Where an example stands, for people. */
    String place(long example);

    /** How a predicted token reads. */
    String describeToken(int token);

    /** Tells one set of examples from another. */
    long fingerprint();

    /**
     * Tells what the examples {@code from} (inclusive) to {@code to} (exclusive) are to be predicted as from other such things: text by
     * its bytes, whatever tokens it is cut into and whatever it is predicted from.
     */
    long fingerprint(long from, long to);
}
