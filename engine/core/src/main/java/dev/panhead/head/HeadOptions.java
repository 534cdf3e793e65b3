package dev.panhead.head;

import java.util.Objects;

/**
 * What a head computes, apart from its inputs. With z_t the logits, s = {@code logitScale} times the token's own scale, and u = s z, or u = s k
 * tanh(z / k) with the soft cap k:
 *
 * <pre>
 *   lse_t = log sum over v of e^(u_v)
 *   l_t = (1 - eps) c_a (lse_t - u_a) + eps / V' sum over v of c_v (lse_t - u_v) + lambda lse_t^2
 * </pre>
 *
 * c being the class weights (1 if there are none) and V' the number of entries that no bias of -infinity takes out.
 *
 * @param reduction how the tokens' losses become the loss
 * @param ignoreIndex the target that takes a token out: no loss, no gradient, no arithmetic
 * @param labelSmoothing eps, the share of the target's weight that is spread over all entries, 0 to 1; as in PyTorch
 * @param zLoss lambda, which keeps log-sum-exp near 0 (Chowdhery et al. 2022, PaLM, 5)
 * @param softcap k, which the logits' sizes before the scale do not exceed (Gemma 2's, 2024), positive; 0 for none. Infinite
 *     logits are not capped
 * @param logitScale what the logits are multiplied by, positive: 1 / temperature
 * @param scratchBytes upper bound of the memory taken beyond inputs and outputs; the tokens are worked off in chunks that
 *     fit. No result depends on it
 * @param failWhenAllIgnored whether a call whose tokens are all ignored, or weigh 0 together where the mean divides by that, fails
 *     instead of giving loss 0 and zero gradients
 */
public record HeadOptions(
        Reduction reduction,
        int ignoreIndex,
        double labelSmoothing,
        double zLoss,
        float softcap,
        float logitScale,
        long scratchBytes,
        boolean failWhenAllIgnored) {

    /** PyTorch's label for a token to be ignored. */
    public static final int IGNORE_INDEX = -100;

    /** Default bound of scratch memory: 256 MiB. */
    public static final long SCRATCH_BYTES = 256L << 20;

    /** Mean over the tokens, ignore index -100, no smoothing, z-loss, cap or scale, 256 MiB of scratch, all ignored gives 0. */
    public static final HeadOptions DEFAULT =
            new HeadOptions(Reduction.MEAN, IGNORE_INDEX, 0, 0, 0, 1, SCRATCH_BYTES, false);

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if one is out of its range
     */
    public HeadOptions {
        Objects.requireNonNull(reduction, "reduction");
        require(
                softcap == 0 || softcap >= Float.MIN_NORMAL && softcap < Float.POSITIVE_INFINITY,
                "softcap",
                "0 for none, or finite and positive",
                softcap);
        require(labelSmoothing >= 0 && labelSmoothing <= 1, "labelSmoothing", "from 0 to 1", labelSmoothing);
        require(zLoss >= 0 && zLoss < Double.POSITIVE_INFINITY, "zLoss", "finite and not negative", zLoss);
        require(
                logitScale > 0 && logitScale < Float.POSITIVE_INFINITY,
                "logitScale",
                "finite and positive",
                logitScale);
        if (scratchBytes <= 0) {
            throw new IllegalArgumentException("scratchBytes must be positive, but is " + scratchBytes);
        }
    }

    private static void require(boolean holds, String name, String range, double value) {
        if (!holds) {
            throw new IllegalArgumentException(name + " must be " + range + ", but is " + value);
        }
    }

    /** These options with another reduction. */
    public HeadOptions withReduction(Reduction reduction) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options with another ignore index. */
    public HeadOptions withIgnoreIndex(int ignoreIndex) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options with label smoothing. */
    public HeadOptions withLabelSmoothing(double labelSmoothing) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options with z-loss. */
    public HeadOptions withZLoss(double zLoss) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options with capped logits. */
    public HeadOptions withSoftcap(float softcap) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options with the logits multiplied by something, as 1 / temperature. */
    public HeadOptions withLogitScale(float logitScale) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options with another bound of scratch memory, in bytes. */
    public HeadOptions withScratchBytes(long scratchBytes) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }

    /** These options, failing or not when all targets are ignored. */
    public HeadOptions withFailWhenAllIgnored(boolean failWhenAllIgnored) {
        return new HeadOptions(
                reduction, ignoreIndex, labelSmoothing, zLoss, softcap, logitScale, scratchBytes, failWhenAllIgnored);
    }
}
