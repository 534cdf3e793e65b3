package dev.panhead.bench.peers;

import dev.panhead.bench.peers.OptionCase.Result;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.Reduction;
import dev.panhead.head.SoftTargets;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * A head with all its options in double precision, as {@link HeadOptions} has the formulas; all logits are held. Biases of -infinity and
 * masks are not for it.
 */
final class OptionOracle {

    private final HeadInputs inputs;
    private final HeadOptions options;
    private final int tokens;
    private final int vocabulary;

    private final double[] losses;
    private final double[] logProbabilities;
    private final double[] entropies;

    /** dL/dz, a row for each token. */
    private final double[][] logitGradients;

    private final double[][] hiddenGradient;
    private final double[][] weightGradient;

    private OptionOracle(HeadInputs inputs, HeadOptions options, Workers workers) {
        this.inputs = inputs;
        this.options = options;
        tokens = inputs.hidden().rows();
        vocabulary = inputs.weight().rows();
        losses = new double[tokens];
        logProbabilities = new double[tokens];
        entropies = new double[tokens];
        logitGradients = new double[tokens][vocabulary];
        double divisor = divisor();
        double[][] hidden = rows(inputs.hidden());
        double[][] weight = rows(inputs.weight());
        double[][] logits = product(hidden, transposed(weight), workers);
        workers.run(tokens, (t, worker) -> {
            if (counts(t)) {
                token(t, logits[t], divisor);
            }
        });
        hiddenGradient = product(logitGradients, weight, workers);
        weightGradient = product(transposed(logitGradients), hidden, workers);
    }

    /** Computes everything. */
    static Map<Result, double[]> compute(HeadInputs inputs, HeadOptions options, Workers workers) {
        OptionOracle oracle = new OptionOracle(inputs, options, workers);
        Map<Result, double[]> results = new EnumMap<>(Result.class);
        results.put(Result.LOSS, new double[] {oracle.loss()});
        results.put(Result.LOSSES, oracle.losses);
        results.put(Result.LOG_PROBABILITIES, oracle.logProbabilities);
        results.put(Result.ENTROPIES, oracle.entropies);
        results.put(Result.HIDDEN_GRADIENT, flat(oracle.hiddenGradient));
        results.put(Result.WEIGHT_GRADIENT, flat(oracle.weightGradient));
        results.put(Result.BIAS_GRADIENT, oracle.biasGradient());
        return results;
    }

    private static double[][] rows(ReadableMatrix matrix) {
        double[][] rows = new double[matrix.rows()][];
        Arrays.setAll(rows, row -> Oracle.row(matrix, row));
        return rows;
    }

    private static double[][] transposed(double[][] matrix) {
        double[][] transposed = new double[matrix[0].length][matrix.length];
        for (int i = 0; i < matrix.length; i++) {
            for (int j = 0; j < transposed.length; j++) {
                transposed[j][i] = matrix[i][j];
            }
        }
        return transposed;
    }

    private static double[][] product(double[][] left, double[][] right, Workers workers) {
        double[][] product = new double[left.length][right[0].length];
        workers.run(left.length, (row, worker) -> {
            for (int k = 0; k < right.length; k++) {
                addScaled(left[row][k], right[k], product[row]);
            }
        });
        return product;
    }

    private static void addScaled(double factor, double[] row, double[] sum) {
        for (int i = 0; i < sum.length; i++) {
            sum[i] += factor * row[i];
        }
    }

    private static double[] flat(double[][] matrix) {
        return Arrays.stream(matrix).flatMapToDouble(Arrays::stream).toArray();
    }

    private double[] biasGradient() {
        double[] sum = new double[vocabulary];
        for (double[] gradient : logitGradients) {
            addScaled(1, gradient, sum);
        }
        return sum;
    }

    private boolean counts(int t) {
        return inputs.targets().get(t) != options.ignoreIndex();
    }

    private static double value(Matrix row, int index, double otherwise) {
        return row == null ? otherwise : row.get(0, index);
    }

    private double classWeight(int v) {
        return value(inputs.classWeights(), v, 1);
    }

    private double tokenWeight(int t) {
        return value(inputs.tokenWeights(), t, 1);
    }

    private double divisor() {
        if (options.reduction() != Reduction.MEAN) {
            return 1;
        }
        if (inputs.divisor() > 0) {
            return inputs.divisor();
        }
        double sum = 0;
        for (int t = 0; t < tokens; t++) {
            sum += counts(t) ? tokenWeight(t) * classWeight(inputs.targets().get(t)) : 0;
        }
        return sum;
    }

    private double loss() {
        double sum = 0;
        for (int t = 0; t < tokens; t++) {
            sum += tokenWeight(t) * losses[t];
        }
        return sum / divisor();
    }

    /** A teacher's probabilities of all entries, or null without a teacher. */
    private double[] teacher(int t) {
        SoftTargets soft = options.softTargets();
        if (soft == null) {
            return null;
        }
        double[] probabilities = new double[vocabulary];
        double sum = 0;
        for (int j = 0; j < soft.entries(); j++) {
            double probability = inputs.softProbabilities().get(t, j);
            probabilities[inputs.softTargets().get(t * soft.entries() + j)] = probability;
            sum += probability;
        }
        for (int v = 0; v < vocabulary; v++) {
            switch (soft.remainder()) {
                case DROPPED -> {}
                case SCALED -> probabilities[v] /= sum;
                case SPREAD -> probabilities[v] += (1 - sum) / vocabulary;
            }
        }
        return probabilities;
    }

    private void token(int t, double[] logits, double divisor) {
        int target = inputs.targets().get(t);
        double scale = (double) options.logitScale() * value(inputs.logitScales(), t, 1);
        double cap = options.softcap();
        double[] logP = new double[vocabulary]; // u at first
        double[] slopes = new double[vocabulary]; // du/dz
        for (int v = 0; v < vocabulary; v++) {
            double z = logits[v] + value(inputs.bias(), v, 0);
            double tanh = cap > 0 ? Math.tanh(z / cap) : 0;
            slopes[v] = scale * (1 - tanh * tanh);
            logP[v] = scale * (cap > 0 ? cap * tanh : z);
        }
        double targetLogit = logP[target];
        Oracle.logSoftmax(logP);
        double logSum = targetLogit - logP[target];

        double[] teacher = teacher(t);
        double share = teacher == null ? 0 : options.softTargets().share();
        double smoothing = options.labelSmoothing();
        double[] q = new double[vocabulary]; // how much of each entry's -log p the loss has
        double all = 0;
        for (int v = 0; v < vocabulary; v++) {
            double hard = smoothing / vocabulary + (v == target ? 1 - smoothing : 0);
            q[v] = classWeight(v) * ((1 - share) * hard + (share > 0 ? share * teacher[v] : 0));
            all += q[v];
            losses[t] -= q[v] * logP[v];
            entropies[t] -= Math.exp(logP[v]) * logP[v];
        }
        losses[t] += options.zLoss() * logSum * logSum;
        if (teacher != null && options.softTargets().divergence() == SoftTargets.Divergence.KULLBACK_LEIBLER) {
            for (int v = 0; v < vocabulary; v++) {
                losses[t] += teacher[v] > 0 ? share * classWeight(v) * teacher[v] * Math.log(teacher[v]) : 0;
            }
        }
        logProbabilities[t] = logP[target];

        double onLoss =
                options.reduction() == Reduction.NONE ? value(inputs.upstream(), t, 0) : tokenWeight(t) / divisor;
        double onLogProbability = value(inputs.logProbabilityUpstream(), t, 0);
        double onEntropy = value(inputs.entropyUpstream(), t, 0);
        for (int v = 0; v < vocabulary; v++) {
            double p = Math.exp(logP[v]);
            double loss = (all + 2 * options.zLoss() * logSum) * p - q[v];
            double logProbability = (v == target ? 1 : 0) - p;
            double entropy = -p * (logP[v] + entropies[t]);
            logitGradients[t][v] =
                    slopes[v] * (onLoss * loss + onLogProbability * logProbability + onEntropy * entropy);
        }
    }
}
