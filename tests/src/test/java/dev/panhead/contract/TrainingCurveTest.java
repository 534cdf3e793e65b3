package dev.panhead.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.GradientNorm;
import dev.panhead.optim.LearningRate;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A training from start to end, whose loss curve is frozen bit for bit. */
class TrainingCurveTest {

    private static final int STEPS = 120;
    private static final int TOKENS = 300;
    private static final int VOCABULARY = 61;
    private static final int WIDTH = 24;

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void theLossFallsAsRecorded(int threads) throws IOException {
        String recorded;
        try (InputStream in = TrainingCurveTest.class.getResourceAsStream("curve.txt")) {
            recorded = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        String curve = train(threads);
        assertEquals(recorded, curve);
        String[] lines = curve.split("\n");
        double first = Double.parseDouble(lines[0]);
        double last = Double.parseDouble(lines[STEPS - 1]);
        assertEquals(Math.log(VOCABULARY), first, 1e-6); // a head of zeros
        assertTrue(last < 1.5, "the loss ended at " + last);
    }

    /** Trains a head of zeros towards the labels that another head gives, and returns the loss of each step. */
    static String train(int threads) {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(threads)) {
            Numbers numbers = new Numbers(2026);
            Matrix hidden = numbers.matrix(arena, TOKENS, WIDTH, 1);
            Matrix teacher = numbers.matrix(arena, VOCABULARY, WIDTH, 1);
            Ints targets = Ints.allocate(arena, TOKENS);
            for (int t = 0; t < TOKENS; t++) {
                targets.set(t, likeliest(hidden, teacher, t));
            }
            Matrix weight = Matrix.allocate(arena, VOCABULARY, WIDTH);
            Matrix gradient = Matrix.allocate(arena, VOCABULARY, WIDTH);
            AdamW.Moments moments = AdamW.Moments.allocate(arena, VOCABULARY, WIDTH);
            AdamW optimizer = new AdamW(workers, 0.9, 0.95, 1e-8, 0.01);
            GradientNorm norm = new GradientNorm(workers);
            LearningRate rate = new LearningRate.Cosine(0.1, 0.1, 0);
            LinearCrossEntropy head =
                    new LinearCrossEntropy(arena, workers, TOKENS, VOCABULARY, WIDTH, HeadOptions.DEFAULT);
            HeadInputs inputs = HeadInputs.of(hidden, weight, targets);
            HeadOutputs outputs = HeadOutputs.NONE.withWeight(HeadOutputs.Gradient.write(gradient));
            StringBuilder curve = new StringBuilder();
            for (int step = 1; step <= STEPS; step++) {
                double loss = head.run(inputs, outputs).loss();
                curve.append(Double.toHexString(loss)).append('\n');
                double scale = GradientNorm.clipScale(norm.of(gradient), 0.5);
                optimizer.update(weight, gradient, moments, step, rate.at((double) step / STEPS), scale);
            }
            return curve.toString();
        }
    }

    private static int likeliest(Matrix hidden, Matrix teacher, int token) {
        int best = 0;
        double most = Double.NEGATIVE_INFINITY;
        for (int v = 0; v < teacher.rows(); v++) {
            double sum = 0;
            for (int k = 0; k < teacher.columns(); k++) {
                sum += (double) hidden.get(token, k) * teacher.get(v, k);
            }
            best = sum > most ? v : best;
            most = Math.max(most, sum);
        }
        return best;
    }

    /** Prints the curve, to be recorded in {@code curve.txt} when the arithmetic is changed on purpose. */
    public static void main(String[] arguments) {
        System.out.print(train(1));
    }
}
