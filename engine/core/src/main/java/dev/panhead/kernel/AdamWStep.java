package dev.panhead.kernel;

/**
 * The scalars of a step of AdamW: g' = scale g; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2;
 * p = p - (decay p + rate m / (correction sqrt(v) + epsilon)).
 */
public final class AdamWStep {
    /** Factor of the gradient. */
    public float scale;
    /** Decay of the first moment. */
    public float beta1;
    /** 1 - beta1, from double. */
    public float share1;
    /** Decay of the second moment. */
    public float beta2;
    /** 1 - beta2, from double. */
    public float share2;
    /** Added to the denominator. */
    public float epsilon;
    /** Learning rate * weight decay: of 1 minus it, float32 would keep some three digits of the decay. */
    public float decay;
    /** Learning rate over the first moment's bias correction. */
    public float rate;
    /** 1 / sqrt of the second moment's bias correction. */
    public float correction;

    /** All zero. */
    public AdamWStep() {}
}
