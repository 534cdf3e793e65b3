package dev.panhead.trainer.check;

import org.apache.commons.math3.util.FastMath;

/**
 * A token's loss and its gradient with respect to the products w_v x + b_v, in double.
 *
 * @param loss in nats
 * @param gradient one number for each token of the vocabulary
 */
record Reference(double loss, double[] gradient) {

    /**
     * Computes both.
     *
     * @param products w_v x + b_v, one for each token of the vocabulary
     * @param cap what the products' sizes are capped to, or 0
     * @param scale what they are multiplied by then
     */
    static Reference of(double[] products, int target, double cap, double scale) {
        double[] logits = new double[products.length];
        double[] gradient = new double[products.length];
        double max = Double.NEGATIVE_INFINITY;
        for (int v = 0; v < products.length; v++) {
            double tanh = cap > 0 ? FastMath.tanh(products[v] / cap) : 0;
            logits[v] = scale * (cap > 0 ? cap * tanh : products[v]);
            gradient[v] = scale * (1 - tanh * tanh);
            max = Math.max(max, logits[v]);
        }
        // Of a target that is almost certain, what is left of 1 is the others' share: subtracted from 1 it would be
        // lost.
        double others = 0;
        for (int v = 0; v < products.length; v++) {
            others += v == target ? 0 : FastMath.exp(logits[v] - max);
        }
        double sum = others + FastMath.exp(logits[target] - max);
        for (int v = 0; v < products.length; v++) {
            gradient[v] *= v == target ? -others / sum : FastMath.exp(logits[v] - max) / sum;
        }
        double loss = logits[target] == max ? FastMath.log1p(others) : FastMath.log(sum) + max - logits[target];
        return new Reference(loss, gradient);
    }

    /**
     * How many times larger than {@link Audit#BOUND} the relative error of a loss and its gradients may be, since they hang on the differences of logits, which the engine adds up in
     * float32: once, unless what the 128 roundings of a reduction block come to in two logits, 16 of random direction, is more than that already.
     *
     * @param terms what the sizes of a logit's terms add up to
     */
    static double allowance(double terms) {
        return Math.max(1, 16 * 0x1p-24 * terms / Audit.BOUND);
    }
}
