package dev.panhead.head;

/** How the tokens' losses become the loss. */
public enum Reduction {
    /** loss = sum of l_t / N over the N tokens that are not ignored. */
    MEAN,
    /** loss = sum of l_t. */
    SUM,
    /**
     * The losses stay apart: the caller takes l_t from {@link HeadOutputs#losses()} and, for gradients, gives dL/dl_t as
     * {@link HeadInputs#upstream()}. The result's loss is the sum of l_t, for information.
     */
    NONE
}
