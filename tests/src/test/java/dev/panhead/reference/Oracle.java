package dev.panhead.reference;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.util.FastMath;

/**
 * The head in double precision, by Commons Math, from the same float32 inputs; and, beside each result, the sum of the absolute
 * values of all that was added up for it, which rounding errors are measured by.
 */
public final class Oracle {

    /** Unit roundoff of float32. */
    public static final double U = 0x1p-24;

    public final double[] losses;
    public final RealMatrix logits;
    public final RealMatrix g;
    public final RealMatrix dX;
    public final RealMatrix dW;
    public final RealMatrix db;
    public final RealMatrix absX;
    public final RealMatrix absW;
    public final RealMatrix absB;

    /** Computes everything; {@code scale} is dL/dl_t, 0 for ignored tokens. */
    public Oracle(Matrix hidden, Matrix weight, Matrix bias, Ints targets, int ignoreIndex, double[] scale) {
        this(logits(hidden, weight, bias), hidden, weight, targets, ignoreIndex, scale);
    }

    /** The same from given logits. */
    public Oracle(RealMatrix logits, Matrix hidden, Matrix weight, Ints targets, int ignoreIndex, double[] scale) {
        this.logits = logits;
        int tokens = hidden.rows();
        int vocabulary = weight.rows();
        losses = new double[tokens];
        g = MatrixUtils.createRealMatrix(Math.max(tokens, 1), vocabulary);
        for (int t = 0; t < tokens; t++) {
            int target = targets.get(t);
            if (target == ignoreIndex) {
                continue;
            }
            double max = Double.NEGATIVE_INFINITY;
            for (int v = 0; v < vocabulary; v++) {
                max = v == target ? max : Math.max(max, logits.getEntry(t, v));
            }
            double others = 0;
            for (int v = 0; v < vocabulary && max > Double.NEGATIVE_INFINITY; v++) {
                others += v == target ? 0 : FastMath.exp(logits.getEntry(t, v) - max);
            }
            double above = logits.getEntry(t, target) - max;
            // log1p of the others over the target, or log of all over the target: whichever does not overflow
            losses[t] = others == 0
                    ? 0
                    : above > 0
                            ? FastMath.log1p(others * FastMath.exp(-above))
                            : FastMath.log(others + FastMath.exp(above)) - above;
            double shareOfOthers = others == 0 ? 0 : 1 / (1 + FastMath.exp(above) / others);
            for (int v = 0; v < vocabulary; v++) {
                double p = others == 0 || v == target
                        ? 0
                        : FastMath.exp(logits.getEntry(t, v) - max) / others * shareOfOthers;
                g.setEntry(t, v, scale[t] * (v == target ? -shareOfOthers : p));
            }
        }
        RealMatrix x = real(hidden);
        for (int t = 0; t < tokens; t++) {
            if (targets.get(t) == ignoreIndex) {
                x.setRow(t, new double[hidden.columns()]); // whatever is there does not count
            }
        }
        RealMatrix w = real(weight);
        RealMatrix ones = MatrixUtils.createRealMatrix(1, g.getRowDimension()).scalarAdd(1);
        dX = g.multiply(w);
        dW = g.transpose().multiply(x);
        db = ones.multiply(g);
        absX = abs(g).multiply(abs(w));
        absW = abs(g).transpose().multiply(abs(x));
        absB = ones.multiply(abs(g));
    }

    public static RealMatrix logits(ReadableMatrix hidden, ReadableMatrix weight, Matrix bias) {
        RealMatrix z = real(hidden).multiply(real(weight).transpose());
        for (int t = 0; t < hidden.rows() && bias != null; t++) {
            for (int v = 0; v < weight.rows(); v++) {
                z.addToEntry(t, v, bias.get(0, v));
            }
        }
        return z;
    }

    /** The sum of the losses. */
    public double sum() {
        double sum = 0;
        for (double loss : losses) {
            sum += loss;
        }
        return sum;
    }

    /** A matrix in double; one without rows becomes one row of zeros, which Commons Math can hold. */
    public static RealMatrix real(ReadableMatrix matrix) {
        RealMatrix real = MatrixUtils.createRealMatrix(Math.max(1, matrix.rows()), matrix.columns());
        for (int r = 0; r < matrix.rows(); r++) {
            for (int c = 0; c < matrix.columns(); c++) {
                real.setEntry(r, c, matrix.get(r, c));
            }
        }
        return real;
    }

    public static RealMatrix abs(RealMatrix matrix) {
        RealMatrix abs = matrix.copy();
        for (int r = 0; r < abs.getRowDimension(); r++) {
            for (int c = 0; c < abs.getColumnDimension(); c++) {
                abs.setEntry(r, c, Math.abs(abs.getEntry(r, c)));
            }
        }
        return abs;
    }

    /** The largest |computed - reference| / (sizes + tiny); NaN if any element is NaN. */
    public static double error(Matrix computed, RealMatrix reference, RealMatrix sizes) {
        double worst = 0;
        for (int r = 0; r < computed.rows(); r++) {
            for (int c = 0; c < computed.columns(); c++) {
                double difference = Math.abs(computed.get(r, c) - reference.getEntry(r, c));
                double error = difference / (sizes.getEntry(r, c) + 1e-37);
                worst = worst >= error ? worst : error;
            }
        }
        return worst;
    }
}
