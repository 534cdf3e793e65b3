package dev.panhead.trainer.data;

import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;

/**
 * Tokens to predict, each with what it is predicted from: the tokens before it, for an encoder, or a hidden state that came from
 * elsewhere. The memory is reused from batch to batch.
 */
public final class Batch {

    private final int context;
    private final Ints allTargets;
    private final Ints allContexts;
    private final ReadableMatrix allHidden;
    private Ints targets;
    private Ints contexts;
    private ReadableMatrix hidden;

    private Batch(int context, Ints targets, Ints contexts, ReadableMatrix hidden) {
        this.context = context;
        allTargets = targets;
        allContexts = contexts;
        allHidden = hidden;
        this.targets = targets;
        this.contexts = contexts;
        this.hidden = hidden;
    }

    /** A batch of at most {@code maxTokens} tokens after {@code context} ones each. */
    public static Batch ofContexts(Arena arena, int maxTokens, int context) {
        return new Batch(
                context,
                Ints.allocate(arena, maxTokens),
                Ints.allocate(arena, Math.multiplyExact(maxTokens, context)),
                null);
    }

    /** A batch of at most as many tokens as the matrix has rows, their hidden states; T x d. */
    public static Batch ofHidden(Arena arena, ReadableMatrix hidden) {
        return new Batch(0, Ints.allocate(arena, hidden.rows()), null, hidden);
    }

    /** Sets how many tokens the batch has. */
    public void resize(int tokens) {
        if (targets.size() != tokens) {
            targets = allTargets.view(0, tokens);
            contexts = allContexts == null ? null : allContexts.view(0, tokens * context);
            hidden = allHidden == null ? null : rows(allHidden, tokens);
        }
    }

    private static ReadableMatrix rows(ReadableMatrix matrix, int tokens) {
        return switch (matrix) {
            case Matrix floats -> floats.rows(0, tokens);
            case HalfMatrix halves -> halves.rows(0, tokens);
        };
    }

    /** Most tokens it can hold. */
    public int capacity() {
        return allTargets.size();
    }

    /** The tokens to predict, T. */
    public Ints targets() {
        return targets;
    }

    /** The tokens before each, oldest first, T * context; null if hidden states are given. */
    public Ints contexts() {
        return contexts;
    }

    /** The hidden states, T x d; null if contexts are given. */
    public ReadableMatrix hidden() {
        return hidden;
    }
}
