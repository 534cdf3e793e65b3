package dev.panhead.trainer.data;

import dev.panhead.tensor.Ints;
import java.lang.foreign.Arena;

/** Tokens to predict and the contexts before them. The memory is reused from batch to batch. */
public final class Batch {

    private final int context;
    private final Ints allContexts;
    private final Ints allTargets;
    private Ints contexts;
    private Ints targets;

    /** A batch of at most {@code maxTokens} tokens after {@code context} ones each. */
    public Batch(Arena arena, int maxTokens, int context) {
        this.context = context;
        allContexts = Ints.allocate(arena, maxTokens * context);
        allTargets = Ints.allocate(arena, maxTokens);
        contexts = allContexts;
        targets = allTargets;
    }

    /** Sets how many tokens the batch has. */
    public void resize(int tokens) {
        if (targets.size() != tokens) {
            contexts = allContexts.view(0, tokens * context);
            targets = allTargets.view(0, tokens);
        }
    }

    /** Most tokens it can hold. */
    public int capacity() {
        return allTargets.size();
    }

    /** Makes token {@code index} of the batch the one at a position of the text. */
    public void set(int index, Corpus corpus, int position) {
        for (int i = 0; i < context; i++) {
            contexts.set(index * context + i, corpus.at(position - context + i));
        }
        targets.set(index, corpus.at(position));
    }

    /** Makes the batch the tokens from {@code position} on. */
    public void setRun(Corpus corpus, int position, int tokens) {
        resize(tokens);
        for (int i = 0; i < tokens; i++) {
            set(i, corpus, position + i);
        }
    }

    /** The contexts, oldest token first. */
    public Ints contexts() {
        return contexts;
    }

    /** The tokens to predict. */
    public Ints targets() {
        return targets;
    }
}
