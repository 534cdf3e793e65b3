package dev.panhead.contract;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.GradientMode;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.HeadResult;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.head.LogSoftmax;
import dev.panhead.head.Reduction;
import dev.panhead.head.SoftTargets;
import dev.panhead.math.Elementwise;
import dev.panhead.math.Rows;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.GradientNorm;
import dev.panhead.optim.Sgd;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Computes a bit of everything and prints a digest of the bits of each result: a main class, so that it can run under other
 * settings of the virtual machine. One argument: the number of workers. The lines for the whole of {@code digests.txt} come
 * from {@code java --add-modules jdk.incubator.vector -cp ... dev.panhead.contract.DigestBattery 1}.
 */
public final class DigestBattery {

    private final Arena arena;
    private final Workers workers;
    private final StringBuilder lines = new StringBuilder();

    private DigestBattery(Arena arena, Workers workers) {
        this.arena = arena;
        this.workers = workers;
    }

    public static void main(String[] arguments) {
        System.out.print(run(Integer.parseInt(arguments[0])));
    }

    /** The lines that {@link #main} prints. */
    static String run(int size) {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(size)) {
            DigestBattery battery = new DigestBattery(arena, workers);
            battery.products();
            battery.heads();
            battery.features();
            battery.halves();
            battery.taught();
            battery.sparse();
            battery.rest();
            return battery.lines.toString();
        }
    }

    private void products() {
        Gemm gemm = new Gemm(arena, workers);
        int[][] shapes = {{1, 1, 1}, {7, 17, 3}, {13, 33, 257}, {40, 70, 513}, {100, 3, 70}};
        for (int[] s : shapes) {
            for (Op a : Op.values()) {
                for (Op b : Op.values()) {
                    Numbers numbers = new Numbers(s[0]);
                    Matrix left =
                            a == Op.NONE ? numbers.padded(arena, s[0], s[2], 1) : numbers.padded(arena, s[2], s[0], 1);
                    Matrix right =
                            b == Op.NONE ? numbers.padded(arena, s[2], s[1], 1) : numbers.padded(arena, s[1], s[2], 1);
                    Matrix c = numbers.padded(arena, s[0], s[1], 1);
                    gemm.multiply(0.7f, a, left, b, right, -1.3f, c);
                    digest("gemm " + s[0] + "x" + s[1] + "x" + s[2] + " " + a + " " + b, c);
                }
            }
        }
    }

    private void heads() {
        int[][] shapes = {{1, 1, 1}, {5, 7, 3}, {37, 193, 17}, {64, 400, 31}, {530, 211, 260}, {9, 6500, 5}};
        for (int[] s : shapes) {
            for (Reduction reduction : Reduction.values()) {
                Numbers numbers = new Numbers(s[1]);
                Matrix hidden = numbers.padded(arena, s[0], s[2], 1);
                Matrix weight = numbers.padded(arena, s[1], s[2], 0.3f);
                Matrix bias = reduction == Reduction.SUM ? null : numbers.padded(arena, 1, s[1], 1);
                Matrix upstream = reduction == Reduction.NONE ? numbers.padded(arena, 1, s[0], 1) : null;
                Ints targets = numbers.targets(s[0], s[1]);
                for (int t = 2; t < s[0]; t += 5) {
                    targets.set(t, HeadOptions.IGNORE_INDEX);
                }
                Matrix losses = Matrix.allocate(arena, 1, s[0]);
                Matrix dX = Matrix.allocate(arena, s[0], s[2]);
                Matrix dW = Matrix.allocate(arena, s[1], s[2]);
                Matrix db = Matrix.allocate(arena, 1, s[1]);
                HeadResult result = new LinearCrossEntropy(
                                arena, workers, s[0], s[1], s[2], HeadOptions.DEFAULT.withReduction(reduction))
                        .run(
                                HeadInputs.of(hidden, weight, targets)
                                        .withBias(bias)
                                        .withUpstream(upstream),
                                HeadOutputs.gradients(dX, dW)
                                        .withBias(Gradient.write(db))
                                        .withLosses(losses));
                String name = "head " + s[0] + "x" + s[1] + "x" + s[2] + " " + reduction;
                lines.append(name)
                        .append(" loss ")
                        .append(Double.toHexString(result.loss()))
                        .append('\n');
                digest(name + " losses", losses);
                digest(name + " dX", dX);
                digest(name + " dW", dW);
                digest(name + " db", db);
            }
        }
    }

    /** A head that is asked for everything at once. */
    private void features() {
        int[][] shapes = {{5, 7, 3}, {64, 400, 31}, {530, 211, 20}};
        for (int[] shape : shapes) {
            features(shape, false);
            features(shape, true);
        }
        features(new int[] {20, 200, 300}, true);
    }

    /** With what bends the logits' gradient or without. */
    private void features(int[] s, boolean bent) {
        Numbers numbers = new Numbers(s[2]);
        Matrix hidden = numbers.padded(arena, s[0], s[2], 1);
        Matrix weight = numbers.padded(arena, s[1], s[2], 0.3f);
        Matrix positive = Matrix.allocate(arena, 1, Math.max(s[0], s[1]));
        for (int i = 0; i < positive.columns(); i++) {
            positive.set(0, i, 0.5f + i % 7 * 0.25f);
        }
        HeadInputs inputs = HeadInputs.of(hidden, weight, numbers.targets(s[0], s[1]))
                .withBias(numbers.padded(arena, 1, s[1], 1))
                .withTokenWeights(bent ? null : positive.view(0, 0, 1, s[0]))
                .withUpstream(bent ? numbers.padded(arena, 1, s[0], 1) : null)
                .withEntropyUpstream(bent ? numbers.padded(arena, 1, s[0], 1) : null)
                .withClassWeights(positive.view(0, 0, 1, s[1]))
                .withLogitScales(positive.view(0, 0, 1, s[0]));
        HeadOptions options = HeadOptions.DEFAULT
                .withLabelSmoothing(0.1)
                .withZLoss(1e-3)
                .withLogitScale(0.8f)
                .withReduction(bent ? Reduction.NONE : Reduction.MEAN)
                .withSoftcap(bent ? 2 : 0);
        Matrix[] figures = new Matrix[4];
        for (int i = 0; i < figures.length; i++) {
            figures[i] = Matrix.allocate(arena, 1, s[0]);
        }
        Ints predictions = Ints.allocate(arena, s[0]);
        Ints ranks = Ints.allocate(arena, s[0]);
        Matrix dX = Matrix.allocate(arena, s[0], s[2]);
        Matrix dW = Matrix.allocate(arena, s[1], s[2]);
        Matrix db = Matrix.allocate(arena, 1, s[1]);
        HeadOutputs outputs = HeadOutputs.gradients(dX, dW)
                .withBias(Gradient.write(db))
                .withLosses(figures[0])
                .withLogProbabilities(figures[1])
                .withLogSumExps(figures[2])
                .withEntropies(figures[3])
                .withPredictions(predictions)
                .withRanks(ranks);
        HeadResult result = new LinearCrossEntropy(arena, workers, s[0], s[1], s[2], options).run(inputs, outputs);
        String name = (bent ? "bent " : "features ") + s[0] + "x" + s[1] + "x" + s[2];
        lines.append(name)
                .append(" loss ")
                .append(Double.toHexString(result.loss()))
                .append(' ')
                .append(result.correct())
                .append('\n');
        for (Matrix figure : figures) {
            digest(name + " tokens", figure);
        }
        Matrix orders = Matrix.allocate(arena, 2, s[0]);
        for (int t = 0; t < s[0]; t++) {
            orders.set(0, t, predictions.get(t));
            orders.set(1, t, ranks.get(t));
        }
        digest(name + " orders", orders);
        digest(name + " dX", dX);
        digest(name + " dW", dW);
        digest(name + " db", db);
    }

    private void halves() {
        Gemm gemm = new Gemm(arena, workers);
        for (HalfMatrix.Format format : HalfMatrix.Format.values()) {
            for (int rows : new int[] {1, 5, 20}) {
                Numbers numbers = new Numbers(rows);
                Matrix x = numbers.padded(arena, rows, 599, 1);
                HalfMatrix w = HalfMatrix.of(arena, format, numbers.padded(arena, 77, 599, 1));
                Matrix c = Matrix.allocate(arena, rows, 77);
                gemm.multiply(Op.NONE, x, Op.TRANSPOSE, w, c);
                digest(format + " " + rows, c);
            }
        }
    }

    /** A head of 16-bit floats with a teacher, lean, its weight's update fused, its top rows wanted. */
    private void taught() {
        for (int[] s : new int[][] {{5, 7, 3}, {300, 1700, 20}}) {
            Numbers numbers = new Numbers(s[1]);
            HalfMatrix hidden = HalfMatrix.of(arena, HalfMatrix.Format.FLOAT16, numbers.padded(arena, s[0], s[2], 1));
            Matrix weight = numbers.padded(arena, s[1], s[2], 0.3f);
            Ints targets = numbers.targets(s[0], s[1]);
            Ints rows = Ints.allocate(arena, 3 * s[0]);
            Matrix probabilities = Matrix.allocate(arena, s[0], 3);
            for (int t = 0; t < s[0]; t++) {
                for (int j = 0; j < 3; j++) {
                    rows.set(3 * t + j, (targets.get(t) + j * j) % s[1]);
                    probabilities.set(t, j, 0.1f + 0.05f * (t % 3));
                }
            }
            Ints top = Ints.allocate(arena, 4 * s[0]);
            Matrix topLogProbabilities = Matrix.allocate(arena, s[0], 4);
            Matrix dX = Matrix.allocate(arena, s[0], s[2]);
            AdamW.Slices update =
                    new AdamW(workers, 0.9, 0.95, 1e-8, 0.1).slices(weight, AdamW.Moments.allocate(arena, s[1], s[2]));
            update.prepare(1, 0.01);
            HeadOptions options = HeadOptions.DEFAULT
                    .withSoftTargets(new SoftTargets(
                            3, 0.6, SoftTargets.Remainder.SPREAD, SoftTargets.Divergence.KULLBACK_LEIBLER))
                    .withTopK(4)
                    .withLean(true)
                    .withFusedUpdate(true);
            HeadResult result = new LinearCrossEntropy(arena, workers, s[0], s[1], s[2], options)
                    .run(
                            HeadInputs.of(hidden, weight, targets).withSoftTargets(rows, probabilities),
                            HeadOutputs.NONE
                                    .withHidden(Gradient.write(dX))
                                    .withWeightUpdate(update)
                                    .withTopRows(top)
                                    .withTopLogProbabilities(topLogProbabilities));
            String name = "taught " + s[0] + "x" + s[1] + "x" + s[2];
            lines.append(name)
                    .append(" loss ")
                    .append(Double.toHexString(result.loss()))
                    .append('\n');
            Matrix order = Matrix.allocate(arena, s[0], 4);
            for (int i = 0; i < 4 * s[0]; i++) {
                order.set(i / 4, i % 4, top.get(i));
            }
            digest(name + " top", order);
            digest(name + " top", topLogProbabilities);
            digest(name + " dX", dX);
            digest(name + " weight", weight);
        }
    }

    /** Heads that keep few entries of the logits' gradient. */
    private void sparse() {
        Numbers numbers = new Numbers(5);
        int[] s = {530, 1211, 20};
        HeadInputs inputs = HeadInputs.of(
                        numbers.padded(arena, s[0], s[2], 1),
                        numbers.padded(arena, s[1], s[2], 0.5f),
                        numbers.targets(s[0], s[1]))
                .withBias(numbers.padded(arena, 1, s[1], 1));
        Matrix tails = Matrix.allocate(arena, 1, s[0]);
        Matrix dX = Matrix.allocate(arena, s[0], s[2]);
        Matrix dW = Matrix.allocate(arena, s[1], s[2]);
        Matrix db = Matrix.allocate(arena, 1, s[1]);
        HeadOutputs outputs =
                HeadOutputs.gradients(dX, dW).withBias(Gradient.write(db)).withTailMasses(tails);
        for (GradientMode mode :
                List.of(new GradientMode.Unbiased(0x1p-6, 3), GradientMode.drop(0.7), GradientMode.dropBelow(0x1p-6))) {
            for (float softcap : new float[] {0, 4}) {
                HeadOptions options = HeadOptions.DEFAULT
                        .withLabelSmoothing(0.1)
                        .withSoftcap(softcap)
                        .withGradientMode(mode);
                HeadResult result =
                        new LinearCrossEntropy(arena, workers, s[0], s[1], s[2], options).run(inputs, outputs, 11);
                String name = mode + " " + softcap;
                lines.append(name)
                        .append(" entries ")
                        .append(result.gradientEntries())
                        .append('\n');
                digest(name + " tails", tails);
                digest(name + " dX", dX);
                digest(name + " dW", dW);
                digest(name + " db", db);
            }
        }
    }

    private void rest() {
        Numbers numbers = new Numbers(9);
        Matrix x = numbers.padded(arena, 23, 71, 4);
        Matrix y = Matrix.allocate(arena, 23, 71);
        Elementwise elementwise = new Elementwise(workers);
        elementwise.exp(x, y);
        digest("exp", y);
        elementwise.log(y, y);
        digest("log", y);
        elementwise.gelu(x, y);
        digest("gelu", y);
        elementwise.geluGradient(x, y, y);
        digest("gelu gradient", y);
        LogSoftmax softmax = new LogSoftmax(workers);
        Matrix p = Matrix.allocate(arena, 23, 71);
        softmax.values(x, p);
        digest("log-softmax", p);
        softmax.gradient(p, x, p);
        digest("log-softmax gradient", p);
        Matrix wide = numbers.padded(arena, 2, 9001, 4);
        softmax.values(wide, wide);
        digest("log-softmax, five blocks", wide);
        AdamW.Moments moments = AdamW.Moments.allocate(arena, 23, 71);
        Matrix velocity = Matrix.allocate(arena, 23, 71);
        for (int step = 1; step <= 3; step++) {
            new AdamW(workers, 0.9, 0.95, 1e-8, 0.1).update(x, p, moments, step, 0.01, 0.5);
            new Sgd(workers, 0.9, true, 0.1).update(x, y, velocity, 0.01, 0.5);
        }
        digest("optimizers", x);
        Matrix sums = Matrix.allocate(arena, 1, 71);
        new Rows(workers).columnSums(x, sums, false);
        digest("column sums", sums);
        lines.append("norm ")
                .append(Double.toHexString(new GradientNorm(workers).of(x, y)))
                .append('\n');
    }

    private void digest(String name, Matrix matrix) {
        CRC32C crc = new CRC32C();
        for (int bits : Numbers.bits(matrix)) {
            crc.update(bits >>> 24);
            crc.update(bits >>> 16);
            crc.update(bits >>> 8);
            crc.update(bits);
        }
        lines.append(name).append(String.format(" %08x%n", crc.getValue()));
    }
}
