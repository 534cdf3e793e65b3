package dev.panhead.head;

import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;

/** What the softmax found of each of a chunk's tokens. */
final class TokenResults {

    final double[] losses;
    final double[] negativeLogLikelihoods;
    final double[] logSumExps;
    final double[] entropies;
    final int[] predictions;
    final int[] ranks;
    final boolean[] correct;

    /** What of each token's gradient was rounded or left out, and how many entries of it there are. */
    final double[] tailMasses;

    final int[] entries;

    /** The rows of the k largest logits, and their log-probabilities: [token][k]. */
    final int[] topRows;

    final double[] topLogProbabilities;
    private final int k;

    TokenResults(int capacity, int k) {
        this.k = k;
        topRows = new int[capacity * k];
        topLogProbabilities = new double[capacity * k];
        losses = new double[capacity];
        negativeLogLikelihoods = new double[capacity];
        logSumExps = new double[capacity];
        entropies = new double[capacity];
        predictions = new int[capacity];
        ranks = new int[capacity];
        correct = new boolean[capacity];
        tailMasses = new double[capacity];
        entries = new int[capacity];
    }

    /** Writes those of the i-th token that are wanted. */
    void write(int i, int token, HeadOutputs outputs) {
        set(outputs.losses(), token, losses[i]);
        set(outputs.logProbabilities(), token, 0 - negativeLogLikelihoods[i]); // not -0
        set(outputs.logSumExps(), token, logSumExps[i]);
        set(outputs.entropies(), token, entropies[i]);
        set(outputs.predictions(), token, predictions[i]);
        set(outputs.ranks(), token, ranks[i]);
        set(outputs.tailMasses(), token, 0); // until it is known
        for (int j = 0; outputs.wantsTop() && j < k; j++) {
            setTop(outputs, token, j, k, topRows[i * k + j], topLogProbabilities[i * k + j]);
        }
    }

    /** Writes what is known of the i-th token's gradient. */
    void writeTail(int i, int token, HeadOutputs outputs) {
        set(outputs.tailMasses(), token, tailMasses[i]);
    }

    /** Writes those of a token that does not count. */
    void clear(int token, HeadOutputs outputs) {
        set(outputs.losses(), token, 0);
        set(outputs.logProbabilities(), token, 0);
        set(outputs.logSumExps(), token, 0);
        set(outputs.entropies(), token, 0);
        set(outputs.predictions(), token, -1);
        set(outputs.ranks(), token, 0);
        set(outputs.tailMasses(), token, 0);
        for (int j = 0; outputs.wantsTop() && j < k; j++) {
            setTop(outputs, token, j, k, -1, 0);
        }
    }

    private static void setTop(HeadOutputs outputs, int token, int j, int k, int row, double logProbability) {
        if (outputs.topRows() != null) {
            outputs.topRows().set(token * k + j, row);
        }
        if (outputs.topLogProbabilities() != null) {
            outputs.topLogProbabilities().set(token, j, (float) logProbability);
        }
    }

    private static void set(Matrix output, int token, double value) {
        if (output != null) {
            output.set(0, token, (float) value);
        }
    }

    private static void set(Ints output, int token, int value) {
        if (output != null) {
            output.set(token, value);
        }
    }
}
