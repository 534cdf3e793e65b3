package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Kind;
import dev.panhead.bench.peers.Workload.Part;
import dev.panhead.exec.Workers;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/** The exact results in double precision, in the rows that are compared. */
final class Oracle {

    /** Tokens whose logits are computed together, and vocabulary rows. */
    private static final int TOKENS = 256;

    private static final int ROWS = 4;

    private final Inputs inputs;
    private final Workload workload;
    private final int[] targets;
    private final Map<Part, double[][]> rows = new EnumMap<>(Part.class);

    private Oracle(Workload workload, Arena arena) throws IOException {
        this.workload = workload;
        inputs = new Inputs(workload, arena);
        targets = inputs.targets();
        switch (workload.kind()) {
            case STEP, BIASED_STEP, LOSS -> head();
            case LOG_SOFTMAX -> {
                Matrix logits = inputs.logits();
                put(Part.LOG_PROBABILITIES, row -> logSoftmax(row(logits, row)));
            }
            case DECODE -> {
                Matrix hidden = inputs.hidden();
                Matrix weight = inputs.weight();
                put(Part.LOG_PROBABILITIES, row -> logSoftmax(logits(hidden, weight, row)));
            }
            case ADAMW -> {
                Matrix weight = inputs.weight();
                Matrix gradient = inputs.gradient();
                put(Part.WEIGHT, row -> firstAdamWStep(row(weight, row), row(gradient, row)));
            }
            case GEMM_LOGITS -> {
                Matrix hidden = inputs.hidden();
                Matrix weight = inputs.weight();
                put(Part.PRODUCT, row -> logits(hidden, weight, row));
            }
            case GEMM_HIDDEN -> {
                Matrix logits = inputs.logits();
                Matrix weight = inputs.weight();
                put(Part.PRODUCT, row -> combination(row(logits, row), weight));
            }
            case GEMM_WEIGHT -> {
                Matrix logits = inputs.logits();
                Matrix hidden = inputs.hidden();
                put(Part.PRODUCT, row -> combination(column(logits, row), hidden));
            }
        }
    }

    /** Computes what a workload's results are compared with. */
    static Map<Part, double[][]> compute(Workload workload) throws IOException {
        try (Arena arena = Arena.ofShared()) {
            return new Oracle(workload, arena).rows;
        }
    }

    /** One row of a result. */
    @FunctionalInterface
    private interface Row {
        double[] compute(int row);
    }

    private void put(Part part, Row row) {
        int[] sampled = workload.sampledRows(part, targets);
        double[][] values = new double[sampled.length][];
        try (Workers workers = new Workers()) {
            workers.run(sampled.length, (index, worker) -> values[index] = row.compute(sampled[index]));
        }
        rows.put(part, values);
    }

    private void head() {
        Matrix hidden = inputs.hidden();
        Matrix weight = inputs.weight();
        double[] bias = workload.kind() == Kind.BIASED_STEP ? row(inputs.bias(), 0) : new double[workload.vocabulary()];
        double[] logSums = logSums(hidden, weight, bias);
        double sum = 0;
        int kept = 0;
        for (int t = 0; t < targets.length; t++) {
            if (targets[t] >= 0) {
                sum += logSums[t] - (dot(row(hidden, t), row(weight, targets[t])) + bias[targets[t]]);
                kept++;
            }
        }
        double share = 1.0 / kept;
        double loss = sum * share;
        put(Part.LOSS, row -> new double[] {loss});
        if (workload.kind() == Kind.LOSS) {
            return;
        }
        put(Part.HIDDEN_GRADIENT, t -> {
            double[] gradient = logits(hidden, weight, t);
            for (int v = 0; v < gradient.length; v++) {
                gradient[v] = logitGradient(gradient[v] + bias[v], logSums[t], t, v, share);
            }
            return combination(gradient, weight);
        });
        put(Part.WEIGHT_GRADIENT, v -> {
            double[] entry = row(weight, v);
            double[] gradient = new double[targets.length];
            for (int t = 0; t < gradient.length; t++) {
                gradient[t] = logitGradient(dot(row(hidden, t), entry) + bias[v], logSums[t], t, v, share);
            }
            return combination(gradient, hidden);
        });
        if (workload.kind() == Kind.BIASED_STEP) {
            double[] biasGradient = biasGradient(hidden, weight, bias, logSums, share);
            put(Part.BIAS_GRADIENT, row -> biasGradient);
        }
    }

    /** The logits' gradients summed over the tokens: first those that are computed together, then those sums in order. */
    private double[] biasGradient(Matrix hidden, Matrix weight, double[] bias, double[] logSums, double share) {
        double[][] sums = new double[Math.ceilDiv(hidden.rows(), TOKENS)][weight.rows()];
        forLogits(hidden, weight, bias, (first, entry, logits) -> {
            for (int t = 0; t < logits.length; t++) {
                sums[first / TOKENS][entry] += logitGradient(logits[t], logSums[first + t], first + t, entry, share);
            }
        });
        double[] gradient = new double[weight.rows()];
        for (double[] sum : sums) {
            for (int v = 0; v < gradient.length; v++) {
                gradient[v] += sum[v];
            }
        }
        return gradient;
    }

    private double logitGradient(double logit, double logSum, int token, int entry, double share) {
        if (targets[token] < 0) {
            return 0;
        }
        return share * (Math.exp(logit - logSum) - (targets[token] == entry ? 1 : 0));
    }

    /** log sum exp of every token's logits. These inputs' logits are far from 700: no maximum is needed. */
    private static double[] logSums(Matrix hidden, Matrix weight, double[] bias) {
        double[] sums = new double[hidden.rows()];
        forLogits(hidden, weight, bias, (first, entry, logits) -> {
            for (int t = 0; t < logits.length; t++) {
                sums[first + t] += Math.exp(logits[t]);
            }
        });
        for (int t = 0; t < sums.length; t++) {
            sums[t] = Math.log(sums[t]);
        }
        return sums;
    }

    /** Takes a vocabulary entry's logits for the tokens from the first on. */
    @FunctionalInterface
    private interface LogitsOfEntry {
        void accept(int first, int entry, double[] logits);
    }

    /** Computes all logits; those of {@link #TOKENS} tokens come one entry after the other, other tokens' at the same time. */
    private static void forLogits(Matrix hidden, Matrix weight, double[] bias, LogitsOfEntry taker) {
        try (Workers workers = new Workers()) {
            workers.run((hidden.rows() + TOKENS - 1) / TOKENS, (task, worker) -> {
                int first = task * TOKENS;
                int count = Math.min(TOKENS, hidden.rows() - first);
                double[][] columns = new double[hidden.columns()][count];
                for (int t = 0; t < count; t++) {
                    for (int k = 0; k < columns.length; k++) {
                        columns[k][t] = hidden.get(first + t, k);
                    }
                }
                double[][] logits = new double[ROWS][count];
                for (int v = 0; v < weight.rows(); v += ROWS) {
                    int held = Math.min(ROWS, weight.rows() - v);
                    for (int i = 0; i < held; i++) {
                        Arrays.fill(logits[i], bias[v + i]);
                    }
                    addProducts(columns, weight, v, logits);
                    for (int i = 0; i < held; i++) {
                        taker.accept(first, v + i, logits[i]);
                    }
                }
            });
        }
    }

    private static void addProducts(double[][] columns, Matrix weight, int first, double[][] logits) {
        for (int k = 0; k < columns.length; k++) {
            accumulate(
                    columns[k],
                    logits,
                    weight.get(first, k),
                    weight.get(Math.min(first + 1, weight.rows() - 1), k),
                    weight.get(Math.min(first + 2, weight.rows() - 1), k),
                    weight.get(Math.min(first + 3, weight.rows() - 1), k));
        }
    }

    private static void accumulate(double[] x, double[][] z, double w0, double w1, double w2, double w3) {
        double[] z0 = z[0];
        double[] z1 = z[1];
        double[] z2 = z[2];
        double[] z3 = z[3];
        for (int t = 0; t < x.length; t++) {
            z0[t] += w0 * x[t];
            z1[t] += w1 * x[t];
            z2[t] += w2 * x[t];
            z3[t] += w3 * x[t];
        }
    }

    private static double[] logits(Matrix hidden, Matrix weight, int token) {
        double[] x = row(hidden, token);
        double[] logits = new double[weight.rows()];
        for (int v = 0; v < logits.length; v++) {
            logits[v] = dot(x, row(weight, v));
        }
        return logits;
    }

    static double[] logSoftmax(double[] logits) {
        double max = Double.NEGATIVE_INFINITY;
        for (double logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit - max);
        }
        double logSum = max + Math.log(sum);
        for (int v = 0; v < logits.length; v++) {
            logits[v] -= logSum;
        }
        return logits;
    }

    private static double[] firstAdamWStep(double[] parameters, double[] gradient) {
        for (int i = 0; i < parameters.length; i++) {
            double g = gradient[i]; // after the corrections for a first step, the moments are g and g^2
            double update = g / (Math.abs(g) + Workload.EPSILON);
            parameters[i] -= Workload.RATE * (update + Workload.DECAY * parameters[i]);
        }
        return parameters;
    }

    /** The sum of a matrix's rows, each times its factor. */
    private static double[] combination(double[] factors, Matrix matrix) {
        double[] sum = new double[matrix.columns()];
        for (int i = 0; i < factors.length; i++) {
            double[] row = row(matrix, i);
            for (int k = 0; k < sum.length; k++) {
                sum[k] += factors[i] * row[k];
            }
        }
        return sum;
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int k = 0; k < x.length; k++) {
            sum += x[k] * y[k];
        }
        return sum;
    }

    static double[] row(ReadableMatrix matrix, int row) {
        double[] values = new double[matrix.columns()];
        for (int k = 0; k < values.length; k++) {
            values[k] = matrix.get(row, k);
        }
        return values;
    }

    private static double[] column(Matrix matrix, int column) {
        double[] values = new double[matrix.rows()];
        for (int i = 0; i < values.length; i++) {
            values[i] = matrix.get(i, column);
        }
        return values;
    }
}
