package dev.panhead.head;

import dev.panhead.exec.Workers;
import java.lang.foreign.Arena;

/** Linear layer and softmax cross-entropy in one: the loss of a language model's head, and its exact gradients. */
public final class LinearCrossEntropy {

    /**
     * Plans a head and takes its scratch memory from the arena.
     *
     * @param arena shared, if there are more workers than one
     * @param maxTokens the most tokens a call may have; bounds the scratch
     * @throws IllegalArgumentException if the scratch cannot be held within the options' bound
     */
    public LinearCrossEntropy(
            Arena arena, Workers workers, int maxTokens, int vocabulary, int width, HeadOptions options) {}

    /** Computes the loss and whatever the outputs ask for; the result is overwritten by the next call. */
    public HeadResult run(HeadInputs inputs, HeadOutputs outputs) {
        throw new UnsupportedOperationException();
    }
}
