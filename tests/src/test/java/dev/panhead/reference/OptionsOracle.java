package dev.panhead.reference;

import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.Reduction;
import dev.panhead.head.SoftTargets;
import dev.panhead.tensor.Matrix;
import org.apache.commons.math3.linear.MatrixUtils;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.util.FastMath;

/**
 * A head with all its options in double precision, as its documentation has the formulas, entry by entry; and, beside each gradient,
 * the sum of the absolute values of all that was added up for it.
 */
public final class OptionsOracle {

    public final double loss;
    public final double[] losses;
    public final double[] logProbabilities;
    public final double[] logSumExps;
    public final double[] entropies;
    public final RealMatrix dX;
    public final RealMatrix dW;
    public final RealMatrix db;
    public final RealMatrix absX;
    public final RealMatrix absW;
    public final RealMatrix absB;

    /** The scaled logits. */
    public final RealMatrix logits;

    private final HeadInputs inputs;
    private final HeadOptions options;
    private final int tokens;
    private final int vocabulary;

    public OptionsOracle(HeadInputs inputs, HeadOptions options) {
        this(inputs, options, Oracle.logits(inputs.hidden(), inputs.weight(), inputs.bias()));
    }

    private OptionsOracle(HeadInputs inputs, HeadOptions options, RealMatrix z) {
        this.inputs = inputs;
        this.options = options;
        tokens = inputs.targets().size();
        vocabulary = inputs.weight().rows();
        logits = z;
        losses = new double[tokens];
        logProbabilities = new double[tokens];
        logSumExps = new double[tokens];
        entropies = new double[tokens];
        RealMatrix g = MatrixUtils.createRealMatrix(Math.max(1, tokens), vocabulary); // dL/dz
        RealMatrix sizes = g.copy();
        double divisor = divisor();
        double sum = 0;
        for (int t = 0; t < tokens; t++) {
            if (!counts(t)) {
                continue;
            }
            token(t, divisor, g, sizes);
            sum += (options.reduction() == Reduction.NONE ? 1 : value(inputs.tokenWeights(), t, 1)) * losses[t];
        }
        loss = divisor == 0 ? 0 : sum / divisor;
        RealMatrix w = Oracle.real(inputs.weight());
        RealMatrix x = Oracle.real(inputs.hidden());
        for (int t = 0; t < tokens; t++) {
            if (!counts(t)) {
                x.setRow(t, new double[x.getColumnDimension()]);
            }
        }
        RealMatrix ones = MatrixUtils.createRealMatrix(1, g.getRowDimension()).scalarAdd(1);
        dX = g.multiply(w);
        dW = g.transpose().multiply(x);
        db = ones.multiply(g);
        absX = sizes.multiply(Oracle.abs(w));
        absW = sizes.transpose().multiply(Oracle.abs(x));
        absB = ones.multiply(sizes);
    }

    private void token(int t, double divisor, RealMatrix g, RealMatrix sizes) {
        int target = inputs.targets().get(t);
        double scale = options.logitScale() * value(inputs.logitScales(), t, 1);
        double[] u = new double[vocabulary];
        double[] slope = new double[vocabulary]; // du/dz / scale
        double max = Double.NEGATIVE_INFINITY;
        int entries = 0;
        for (int v = 0; v < vocabulary; v++) {
            double z = logits.getEntry(t, v);
            boolean capped = options.softcap() > 0 && !Double.isInfinite(z);
            double tanh = capped ? FastMath.tanh(z / options.softcap()) : 0;
            slope[v] = 1 - tanh * tanh;
            u[v] = scale * (capped ? options.softcap() * tanh : z);
            logits.setEntry(t, v, u[v]);
            max = Math.max(max, u[v]);
            entries += u[v] > Double.NEGATIVE_INFINITY ? 1 : 0;
        }
        double sum = 0;
        for (double value : u) {
            sum += FastMath.exp(value - max);
        }
        double lse = max + FastMath.log(sum);
        SoftTargets soft = options.softTargets();
        double hard = soft == null ? 1 : 1 - soft.share();
        double eps = hard * options.labelSmoothing();
        double targetWeight = (hard - eps) * value(inputs.classWeights(), target, 1);
        double[] q = new double[vocabulary]; // what pulls each logit up
        double loss = 0;
        for (int v = 0; v < vocabulary; v++) {
            if (u[v] > Double.NEGATIVE_INFINITY) {
                double teacher = soft == null ? 0 : teacher(t, v, entries);
                double c = value(inputs.classWeights(), v, 1);
                q[v] = eps / entries * c
                        + (v == target ? targetWeight : 0)
                        + (soft == null ? 0 : soft.share() * c * teacher);
                boolean relative = soft != null && soft.divergence() == SoftTargets.Divergence.KULLBACK_LEIBLER;
                loss += relative && teacher > 0 ? soft.share() * c * teacher * FastMath.log(teacher) : 0;
            }
        }
        double all = 0;
        double entropy = 0;
        for (int v = 0; v < vocabulary; v++) {
            if (u[v] > Double.NEGATIVE_INFINITY) {
                double p = FastMath.exp(u[v] - lse);
                all += q[v];
                loss += q[v] * (lse - u[v]);
                entropy -= p * (u[v] - lse);
            }
        }
        losses[t] = loss + options.zLoss() * lse * lse;
        logProbabilities[t] = u[target] - lse;
        logSumExps[t] = lse;
        entropies[t] = entropy;

        boolean apart = options.reduction() == Reduction.NONE;
        double upstream = apart
                ? value(inputs.upstream(), t, 0)
                : divisor == 0 ? 0 : value(inputs.tokenWeights(), t, 1) / divisor;
        double h = value(inputs.logProbabilityUpstream(), t, 0);
        double onEntropy = value(inputs.entropyUpstream(), t, 0);
        for (int v = 0; v < vocabulary; v++) {
            if (u[v] > Double.NEGATIVE_INFINITY) {
                double p = FastMath.exp(u[v] - lse);
                double pull = upstream * (all + 2 * options.zLoss() * lse) - h;
                double onTarget = v == target ? h : 0;
                double mixed = -onEntropy * p * (u[v] - lse + entropy);
                double mixedSize = Math.abs(onEntropy) * p * (lse - u[v] + entropy + 1);
                g.setEntry(t, v, scale * slope[v] * (pull * p - upstream * q[v] + onTarget + mixed));
                sizes.setEntry(
                        t,
                        v,
                        scale * (Math.abs(pull) * p + Math.abs(upstream) * q[v] + Math.abs(onTarget) + mixedSize));
            }
        }
    }

    /** A teacher's probability of one entry. */
    private double teacher(int t, int v, int entries) {
        int k = options.softTargets().entries();
        double sum = 0;
        double own = 0;
        for (int j = 0; j < k; j++) {
            int row = inputs.softTargets().get(t * k + j);
            double probability = row < 0 ? 0 : inputs.softProbabilities().get(t, j);
            sum += probability;
            own += row == v ? probability : 0;
        }
        return switch (options.softTargets().remainder()) {
            case DROPPED -> own;
            case SCALED -> own / sum;
            case SPREAD -> own + (1 - sum) / entries;
        };
    }

    private double divisor() {
        if (options.reduction() != Reduction.MEAN) {
            return 1;
        }
        double sum = 0;
        for (int t = 0; t < tokens; t++) {
            if (counts(t)) {
                sum += value(inputs.tokenWeights(), t, 1)
                        * value(inputs.classWeights(), inputs.targets().get(t), 1);
            }
        }
        return inputs.divisor() > 0 ? inputs.divisor() : sum;
    }

    /** Whether a token is neither masked nor ignored. */
    public boolean counts(int t) {
        return inputs.targets().get(t) != options.ignoreIndex()
                && (inputs.mask() == null || inputs.mask().get(t));
    }

    private static double value(Matrix row, int index, double otherwise) {
        return row == null ? otherwise : row.get(0, index);
    }
}
