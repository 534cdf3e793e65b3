package dev.panhead.kernel;

/** The scalars of a step of stochastic gradient descent: g' = scale g + decay p; v = momentum v + g'; p = p - rate (...). */
public final class SgdStep {
    /** Factor of the gradient. */
    public float scale;
    /** Weight decay. */
    public float decay;
    /** Momentum. */
    public float momentum;
    /** Whether the step goes along g' + momentum v instead of v. */
    public boolean nesterov;
    /** Learning rate. */
    public float rate;

    /** All zero. */
    public SgdStep() {}
}
