package dev.panhead.trainer.model;

import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.Batch;
import java.util.List;

/** Makes a token's hidden state from what stands before it, and may learn from the hidden state's gradient. */
public sealed interface ContextEncoder permits WindowEncoder, GivenStates {

    /** What it can learn; nothing, if hidden states need no gradient. */
    List<Parameter> parameters();

    /**
     * Computes hidden states.
     *
     * @return X, T x d, overwritten by the next call
     */
    ReadableMatrix forward(Batch batch);

    /**
     * Computes the parameters' gradients for the last {@link #forward}.
     *
     * @param hiddenGradient dL/dX, T x d; may be overwritten
     * @param accumulate whether to add to the gradients there are
     */
    void backward(Matrix hiddenGradient, boolean accumulate);
}
