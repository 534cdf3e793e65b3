package dev.panhead.head;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What a head computes, apart from its inputs. With z_t the logits, s = {@link #logitScale} times the token's own scale, and u = s z, or u = s k
 * tanh(z / k) with the soft cap k:
 *
 * <pre>
 *   lse_t = log sum over v of e^(u_v)
 *   l_t = (1 - eps) c_a (lse_t - u_a) + eps / V' sum over v of c_v (lse_t - u_v) + lambda lse_t^2
 * </pre>
 *
 * and {@link SoftTargets} beside, c being the class weights (1 if there are none) and V' the number of entries that no bias of -infinity takes out.
 *
 * <p>Immutable, with a method for a copy with each value changed; these throw an IllegalArgumentException if it is out of its range.
 */
public final class HeadOptions {

    /** PyTorch's label for a token to be ignored. */
    public static final int IGNORE_INDEX = -100;

    /** Default bound of scratch memory: 256 MiB. */
    public static final long SCRATCH_BYTES = 256L << 20;

    /** Mean over the tokens, ignore index -100, no smoothing, z-loss, cap or scale, 256 MiB of scratch, all ignored gives 0. */
    public static final HeadOptions DEFAULT = new HeadOptions();

    // Set only in a copy that nobody else has seen.
    private Reduction reduction = Reduction.MEAN;
    private int ignoreIndex = IGNORE_INDEX;
    private double labelSmoothing;
    private double zLoss;
    private float softcap;
    private float logitScale = 1;
    private long scratchBytes = SCRATCH_BYTES;
    private boolean failWhenAllIgnored;
    private boolean lean;
    private boolean fusedUpdate;
    private int topK;
    private SoftTargets softTargets;
    private GradientMode gradientMode = GradientMode.exact();

    private HeadOptions() {}

    private HeadOptions copy() {
        HeadOptions copy = new HeadOptions();
        copy.reduction = reduction;
        copy.ignoreIndex = ignoreIndex;
        copy.labelSmoothing = labelSmoothing;
        copy.zLoss = zLoss;
        copy.softcap = softcap;
        copy.logitScale = logitScale;
        copy.scratchBytes = scratchBytes;
        copy.failWhenAllIgnored = failWhenAllIgnored;
        copy.lean = lean;
        copy.fusedUpdate = fusedUpdate;
        copy.topK = topK;
        copy.softTargets = softTargets;
        copy.gradientMode = gradientMode;
        return copy;
    }

    private static void require(boolean holds, String name, String range, double value) {
        if (!holds) {
            throw new IllegalArgumentException(name + " must be " + range + ", but is " + value);
        }
    }

    /** These options with how the tokens' losses become the loss. */
    public HeadOptions withReduction(Reduction reduction) {
        HeadOptions copy = copy();
        copy.reduction = Objects.requireNonNull(reduction, "reduction");
        return copy;
    }

    /** These options with the target that takes a token out: no loss, no gradient, no arithmetic. */
    public HeadOptions withIgnoreIndex(int ignoreIndex) {
        HeadOptions copy = copy();
        copy.ignoreIndex = ignoreIndex;
        return copy;
    }

    /** These options with eps, the share of the target's weight that is spread over all entries, 0 to 1; as in PyTorch. */
    public HeadOptions withLabelSmoothing(double labelSmoothing) {
        require(labelSmoothing >= 0 && labelSmoothing <= 1, "labelSmoothing", "from 0 to 1", labelSmoothing);
        HeadOptions copy = copy();
        copy.labelSmoothing = labelSmoothing;
        return copy;
    }

    /** These options with lambda, not negative, which keeps log-sum-exp near 0 (Chowdhery et al. 2022, PaLM, 5). */
    public HeadOptions withZLoss(double zLoss) {
        require(zLoss >= 0 && zLoss <= Float.MAX_VALUE, "zLoss", "a float32 and not negative", zLoss);
        HeadOptions copy = copy();
        copy.zLoss = zLoss;
        return copy;
    }

    /**
     * These options with k, which the logits' sizes before the scale do not exceed (Gemma 2's, 2024), positive; 0 for none. Infinite
     * logits are not capped.
     *
     * <p>Close to k a gradient is small, and the less exact in relation to itself, since it is made of the capped logit in float32: by 4e-5 where the
     * logit was 4 k before, 0.4 % at 6 k, 6 % at 8 k; from 10 k on it is 0.
     */
    public HeadOptions withSoftcap(float softcap) {
        require(
                softcap == 0 || softcap >= Float.MIN_NORMAL && softcap < Float.POSITIVE_INFINITY,
                "softcap",
                "0 for none, or finite and positive",
                softcap);
        HeadOptions copy = copy();
        copy.softcap = softcap;
        return copy;
    }

    /** These options with what the logits are multiplied by, positive: 1 / temperature. */
    public HeadOptions withLogitScale(float logitScale) {
        require(
                logitScale > 0 && logitScale < Float.POSITIVE_INFINITY,
                "logitScale",
                "finite and positive",
                logitScale);
        HeadOptions copy = copy();
        copy.logitScale = logitScale;
        return copy;
    }

    /**
     * These options with an upper bound of the memory taken beyond inputs and outputs; the tokens are worked off in chunks that fit.
     * No result depends on it.
     */
    public HeadOptions withScratchBytes(long scratchBytes) {
        if (scratchBytes <= 0) {
            throw new IllegalArgumentException("scratchBytes must be positive, but is " + scratchBytes);
        }
        HeadOptions copy = copy();
        copy.scratchBytes = scratchBytes;
        return copy;
    }

    /**
     * These options with whether gradients are had in little memory by computing the logits a second time, window by window: a third more
     * arithmetic. A token's scratch memory then grows with V by 36 bytes for each 192 entries (8, if loss and gradients are all that is
     * asked for), where the default's grows by 4 bytes for each entry. Without this option it is done where the {@linkplain
     * #withScratchBytes bound of memory} leaves no other way. No result depends on it.
     */
    public HeadOptions withLean(boolean lean) {
        HeadOptions copy = copy();
        copy.lean = lean;
        return copy;
    }

    /**
     * These options with whether a call may {@linkplain HeadOutputs#withWeightUpdate update the weight} as its gradient becomes final. All
     * tokens are then one chunk, and the scratch memory grows with them: by V floats for each, or by 1536 if {@linkplain #withLean lean}, and some 6 d. A call without an update is
     * what it is otherwise.
     */
    public HeadOptions withFusedUpdate(boolean fusedUpdate) {
        HeadOptions copy = copy();
        copy.fusedUpdate = fusedUpdate;
        return copy;
    }

    /** These options with how many of each token's largest logits a call {@linkplain HeadOutputs#withTopRows can tell}; 0 for none. */
    public HeadOptions withTopK(int topK) {
        if (topK < 0) {
            throw new IllegalArgumentException("topK must be 0 for none, or positive, but is " + topK);
        }
        HeadOptions copy = copy();
        copy.topK = topK;
        return copy;
    }

    /** These options with how a teacher's distributions, which are then {@linkplain HeadInputs#withSoftTargets among the inputs}, count; or null. */
    public HeadOptions withSoftTargets(SoftTargets softTargets) {
        HeadOptions copy = copy();
        copy.softTargets = softTargets;
        return copy;
    }

    /** These options with how much of the logits' gradient is multiplied: all of it, or the few entries that matter. */
    public HeadOptions withGradientMode(GradientMode gradientMode) {
        HeadOptions copy = copy();
        copy.gradientMode = Objects.requireNonNull(gradientMode, "gradientMode");
        return copy;
    }

    /**
     * These options with whether a call whose tokens are all ignored, or weigh 0 together where the mean divides by that, fails
     * instead of giving loss 0 and zero gradients. One of no tokens at all does not fail.
     */
    public HeadOptions withFailWhenAllIgnored(boolean failWhenAllIgnored) {
        HeadOptions copy = copy();
        copy.failWhenAllIgnored = failWhenAllIgnored;
        return copy;
    }

    /** How the tokens' losses become the loss. */
    public Reduction reduction() {
        return reduction;
    }

    /** The target that takes a token out. */
    public int ignoreIndex() {
        return ignoreIndex;
    }

    /** eps. */
    public double labelSmoothing() {
        return labelSmoothing;
    }

    /** lambda. */
    public double zLoss() {
        return zLoss;
    }

    /** k, or 0 for none. */
    public float softcap() {
        return softcap;
    }

    /** What the logits of all tokens are multiplied by. */
    public float logitScale() {
        return logitScale;
    }

    /** The bound of scratch memory, in bytes. */
    public long scratchBytes() {
        return scratchBytes;
    }

    /** Whether logits are computed twice, to save memory. */
    public boolean lean() {
        return lean;
    }

    /** Whether the weight may be updated as its gradient becomes final. */
    public boolean fusedUpdate() {
        return fusedUpdate;
    }

    /** How many of each token's largest logits a call can tell. */
    public int topK() {
        return topK;
    }

    /** How a teacher's distributions count, or null. */
    public SoftTargets softTargets() {
        return softTargets;
    }

    /** How much of the logits' gradient is multiplied. */
    public GradientMode gradientMode() {
        return gradientMode;
    }

    /** Whether it is not all of it. */
    boolean selects() {
        return !(gradientMode instanceof GradientMode.Exact);
    }

    /** Whether part of each token's loss is spread evenly over the vocabulary. */
    boolean spreads() {
        return labelSmoothing > 0 || softTargets != null && softTargets.remainder() == SoftTargets.Remainder.SPREAD;
    }

    /** Whether a call fails whose tokens are all ignored or weigh nothing. */
    public boolean failWhenAllIgnored() {
        return failWhenAllIgnored;
    }

    private Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("reduction", reduction);
        values.put("ignoreIndex", ignoreIndex);
        values.put("labelSmoothing", labelSmoothing);
        values.put("zLoss", zLoss);
        values.put("softcap", softcap);
        values.put("logitScale", logitScale);
        values.put("scratchBytes", scratchBytes);
        values.put("failWhenAllIgnored", failWhenAllIgnored);
        values.put("lean", lean);
        values.put("fusedUpdate", fusedUpdate);
        values.put("topK", topK);
        values.put("softTargets", softTargets);
        values.put("gradientMode", gradientMode);
        return values;
    }

    /** Whether the other options have the same values. */
    @Override
    public boolean equals(Object other) {
        return other instanceof HeadOptions options && values().equals(options.values());
    }

    @Override
    public int hashCode() {
        return values().hashCode();
    }

    /** All values by name. */
    @Override
    public String toString() {
        return "HeadOptions" + values();
    }
}
