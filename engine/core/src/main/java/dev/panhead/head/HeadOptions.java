package dev.panhead.head;

/**
 * What a head computes, apart from its inputs.
 *
 * @param reduction how the tokens' losses become the loss
 * @param ignoreIndex the target that takes a token out: no loss, no gradient, no arithmetic
 * @param scratchBytes upper bound of the memory taken beyond inputs and outputs; the tokens are worked off in chunks that
 *     fit. No result depends on it
 * @param failWhenAllIgnored whether a call whose targets are all ignored fails instead of giving loss 0 and zero gradients
 */
public record HeadOptions(Reduction reduction, int ignoreIndex, long scratchBytes, boolean failWhenAllIgnored) {

    /** PyTorch's label for a token to be ignored. */
    public static final int IGNORE_INDEX = -100;

    /** Default bound of scratch memory: 256 MiB. */
    public static final long SCRATCH_BYTES = 256L << 20;

    /** Mean over the tokens, ignore index -100, 256 MiB of scratch, all ignored gives 0. */
    public static final HeadOptions DEFAULT = new HeadOptions(Reduction.MEAN, IGNORE_INDEX, SCRATCH_BYTES, false);

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if {@code scratchBytes} is not positive
     */
    public HeadOptions {
        java.util.Objects.requireNonNull(reduction, "reduction");
        if (scratchBytes <= 0) {
            throw new IllegalArgumentException("scratchBytes must be positive, but is " + scratchBytes);
        }
    }

    /** These options with another reduction. */
    public HeadOptions withReduction(Reduction reduction) {
        return new HeadOptions(reduction, ignoreIndex, scratchBytes, failWhenAllIgnored);
    }

    /** These options with another ignore index. */
    public HeadOptions withIgnoreIndex(int ignoreIndex) {
        return new HeadOptions(reduction, ignoreIndex, scratchBytes, failWhenAllIgnored);
    }

    /** These options with another bound of scratch memory, in bytes. */
    public HeadOptions withScratchBytes(long scratchBytes) {
        return new HeadOptions(reduction, ignoreIndex, scratchBytes, failWhenAllIgnored);
    }

    /** These options, failing or not when all targets are ignored. */
    public HeadOptions withFailWhenAllIgnored(boolean failWhenAllIgnored) {
        return new HeadOptions(reduction, ignoreIndex, scratchBytes, failWhenAllIgnored);
    }
}
