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
        double sum = 0;
        for (double logit : logits) {
            sum += FastMath.exp(logit - max);
        }
        for (int v = 0; v < products.length; v++) {
            gradient[v] *= FastMath.exp(logits[v] - max) / sum - (v == target ? 1 : 0);
        }
        return new Reference(FastMath.log(sum) + max - logits[target], gradient);
    }
}
