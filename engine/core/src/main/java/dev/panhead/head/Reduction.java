package dev.panhead.head;

/** How the tokens' losses become the loss. */
public enum Reduction {
    /** loss = sum of w_t l_t / D, D being the sum of w_t c_a: the number of tokens, without weights. Or the caller's divisor. */
    MEAN,
    /** loss = sum of w_t l_t. */
    SUM,
    /**
     * The losses stay apart: the caller takes l_t from {@link HeadOutputs#losses()} and, for gradients, gives dL/dl_t as
     * {@link HeadInputs#upstream()}. The result's loss is the sum of l_t, for information.
     */
    NONE
}
