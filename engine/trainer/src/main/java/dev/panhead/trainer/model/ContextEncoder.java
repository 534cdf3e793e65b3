package dev.panhead.trainer.model;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.util.List;

/** Makes a token's hidden state from the tokens before it, and learns from the hidden state's gradient. */
public interface ContextEncoder {

    /** How many tokens before the predicted one it sees. */
    int context();

    /** d: the hidden states' width. */
    int width();

    /** What it learns. */
    List<Parameter> parameters();

    /**
     * Computes hidden states.
     *
     * @param contexts the tokens before each of T predicted ones, oldest first: T * context() of them
     * @return X, T x d, overwritten by the next call
     */
    Matrix forward(Ints contexts);

    /**
     * Writes the parameters' gradients for the last {@link #forward}.
     *
     * @param hiddenGradient dL/dX, T x d; may be overwritten
     */
    void backward(Matrix hiddenGradient);
}
