package dev.panhead.trainer.check;

import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.util.List;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;

/**
 * Compares a head's loss and gradients with the same computed in double by Commons Math.
 *
 * <p>An error is relative to the largest sum, of its kind, of the absolute values of what is added up, since rounding is relative
 * to that, not to what is left after terms have cancelled; where the logits are so large that their rounding alone is more than the bound, relative to that.
 *
 * @param errors of the loss, dX, dW and db
 * @param tokens tokens compared
 */
public record Validation(List<Deviation> errors, int tokens) {

    /**
     * How far one result is from the reference.
     *
     * @param name what it is an error of
     * @param absolute the largest absolute error
     * @param relative the same relative to the largest sum of absolute terms
     */
    public record Deviation(String name, double absolute, double relative) {}

    /** The largest absolute error; NaN if there is one. */
    public double maxAbsError() {
        return errors.stream().mapToDouble(Deviation::absolute).reduce(0, Math::max);
    }

    /** The largest relative error; NaN if there is one. */
    public double maxRelError() {
        return errors.stream().mapToDouble(Deviation::relative).reduce(0, Math::max);
    }

    /**
     * Runs the head on the inputs, all targets counted, and compares.
     *
     * @param cap the head's soft cap, or 0
     * @param scale the head's logit scale
     */
    public static Validation of(LinearCrossEntropy head, HeadInputs inputs, double cap, double scale) {
        int tokens = inputs.hidden().rows();
        try (Arena arena = Arena.ofShared()) {
            Matrix dX = Matrix.allocate(arena, tokens, inputs.hidden().columns());
            Matrix dW = Matrix.allocate(
                    arena, inputs.weight().rows(), inputs.weight().columns());
            Matrix db = Matrix.allocate(arena, 1, inputs.weight().rows());
            double loss = head.run(inputs, HeadOutputs.gradients(dX, dW).withBias(Gradient.write(db)))
                    .loss();

            RealMatrix x = real(inputs.hidden());
            RealMatrix w = real(inputs.weight());
            RealMatrix g = x.multiply(w.transpose());
            double reference = 0;
            for (int t = 0; t < tokens; t++) {
                reference += toGradient(g, t, inputs, cap, scale) / tokens;
            }
            double allowance = Reference.allowance(largestTerms(inputs));
            RealMatrix ones = MatrixUtils.createRealMatrix(1, tokens).scalarAdd(1);
            double lossError = Math.abs(loss - reference);
            RealMatrix size = absolute(g);
            return new Validation(
                    List.of(
                            new Deviation(
                                    "loss", lossError, lossError / Math.max(reference * allowance, Double.MIN_NORMAL)),
                            compare("dX", g.multiply(w), size.multiply(absolute(w)), allowance, dX),
                            compare(
                                    "dW",
                                    g.transpose().multiply(x),
                                    size.transpose().multiply(absolute(x)),
                                    allowance,
                                    dW),
                            compare("db", ones.multiply(g), ones.multiply(size), allowance, db)),
                    tokens);
        }
    }

    /** The most that the sizes of the terms of a target's logit add up to. */
    private static double largestTerms(HeadInputs inputs) {
        double largest = 0;
        for (int t = 0; t < inputs.hidden().rows(); t++) {
            double terms = 0;
            for (int c = 0; c < inputs.hidden().columns(); c++) {
                terms += Math.abs((double) inputs.hidden().get(t, c)
                        * inputs.weight().get(inputs.targets().get(t), c));
            }
            largest = Math.max(largest, terms);
        }
        return largest;
    }

    /** Turns a row of products into the row's gradient of the mean loss, and returns the token's loss. */
    private static double toGradient(RealMatrix z, int token, HeadInputs inputs, double cap, double scale) {
        double[] products = z.getRow(token);
        for (int v = 0; v < products.length; v++) {
            products[v] += inputs.bias() == null ? 0 : inputs.bias().get(0, v);
        }
        Reference exact = Reference.of(products, inputs.targets().get(token), cap, scale);
        for (int v = 0; v < products.length; v++) {
            z.setEntry(token, v, exact.gradient()[v] / z.getRowDimension());
        }
        return exact.loss();
    }

    private static RealMatrix absolute(RealMatrix matrix) {
        RealMatrix absolute = matrix.copy();
        for (int r = 0; r < absolute.getRowDimension(); r++) {
            for (int c = 0; c < absolute.getColumnDimension(); c++) {
                absolute.setEntry(r, c, Math.abs(absolute.getEntry(r, c)));
            }
        }
        return absolute;
    }

    private static RealMatrix real(ReadableMatrix matrix) {
        RealMatrix real = MatrixUtils.createRealMatrix(matrix.rows(), matrix.columns());
        for (int r = 0; r < matrix.rows(); r++) {
            for (int c = 0; c < matrix.columns(); c++) {
                real.setEntry(r, c, matrix.get(r, c));
            }
        }
        return real;
    }

    private static Deviation compare(
            String name, RealMatrix reference, RealMatrix sizes, double allowance, Matrix computed) {
        double scale = Double.MIN_NORMAL;
        double error = 0;
        for (int r = 0; r < computed.rows(); r++) {
            for (int c = 0; c < computed.columns(); c++) {
                error = Math.max(error, Math.abs(reference.getEntry(r, c) - computed.get(r, c))); // keeps a NaN
                scale = Math.max(scale, sizes.getEntry(r, c));
            }
        }
        return new Deviation(name, error, error / (scale * allowance));
    }
}
