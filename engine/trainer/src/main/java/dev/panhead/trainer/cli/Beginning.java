package dev.panhead.trainer.cli;

import dev.panhead.trainer.data.Examples;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.model.LanguageModel;

/**
 * What a training starts with.
 *
 * @param model with its first weights
 * @param tokenizer of its tokens, or null if it takes hidden states
 * @param learned what it learns
 * @param heldOut what it does not
 * @param description the data in words
 * @param start where the first weights come from
 */
record Beginning(
        LanguageModel model, Tokenizer tokenizer, Part learned, Part heldOut, String description, String start) {

    /** What {@link #start} is if the weights are random. */
    static final String RANDOM = "random";

    /** Whether the first weights are random. */
    boolean isNew() {
        return start.equals(RANDOM);
    }

    Examples examples() {
        return learned.examples();
    }

    /** Whether what is held out is a part of the same data. */
    boolean isSplit() {
        return heldOut.examples() == learned.examples();
    }

    /** Tells this data from other data. */
    long fingerprint() {
        long sum = learned.examples().fingerprint();
        return isSplit() ? sum : 31 * sum + heldOut.examples().fingerprint();
    }
}
