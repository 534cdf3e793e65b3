package dev.panhead.trainer.check;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.head.Reduction;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Order;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import java.lang.foreign.Arena;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.RealVector;

/**
 * Computes, in a running training, the loss and the hidden state's gradient of some random tokens with the engine and, row by row, in
 * double with Commons Math.
 *
 * <p>An error is relative to the largest sum of the absolute values of what is added up, since rounding is relative to that; where
 * the logits are so large that their rounding alone is more than the bound, relative to that.
 */
public final class Audit {

    /** The largest relative error that passes. */
    public static final double BOUND = 1e-5;

    private static final int TOKENS = 8;

    private final LanguageModel model;
    private final Part examples;
    private final Order order;
    private final Batch batch;
    private final LinearCrossEntropy head;
    private final Matrix losses;
    private final Matrix gradient;

    /**
     * An audit of a model.
     *
     * @param examples what the tokens are taken from
     * @param seed of the choice
     */
    public Audit(Arena arena, Workers workers, LanguageModel model, Part examples, long seed) {
        this.model = model;
        this.examples = examples;
        ModelConfig config = model.config();
        order = new Order(examples.count(), ~seed);
        batch = examples.examples().batch(arena, TOKENS);
        head = new LinearCrossEntropy(
                arena,
                workers,
                TOKENS,
                config.vocabulary(),
                config.width(),
                HeadOptions.DEFAULT
                        .withReduction(Reduction.SUM)
                        .withSoftcap(config.softcap())
                        .withLogitScale(config.logitScale()));
        losses = Matrix.allocate(arena, 1, TOKENS);
        gradient = Matrix.allocate(arena, TOKENS, config.width());
    }

    /** How many tokens an audit takes. */
    public int tokens() {
        return TOKENS;
    }

    /** Compares with the parameters as they are at a step; the largest relative error, NaN if there is one. */
    public double run(long step) {
        batch.resize(TOKENS);
        for (int i = 0; i < TOKENS; i++) {
            examples.examples().copy(examples.from() + order.at(step * TOKENS + i), batch, i);
        }
        ReadableMatrix hidden = model.encoder().forward(batch);
        HeadInputs inputs = HeadInputs.of(hidden, model.weight().value(), batch.targets());
        head.run(
                model.bias() == null ? inputs : inputs.withBias(model.bias().value()),
                HeadOutputs.NONE.withLosses(losses).withHidden(Gradient.write(gradient)));
        double error = 0;
        for (int t = 0; t < TOKENS; t++) {
            error = Math.max(error, error(hidden, t)); // keeps a NaN
        }
        return error;
    }

    private double error(ReadableMatrix hidden, int token) {
        RealVector x = vector(hidden, token);
        int target = batch.targets().get(token);
        int vocabulary = model.config().vocabulary();
        double[] products = new double[vocabulary];
        for (int v = 0; v < vocabulary; v++) {
            products[v] = vector(model.weight().value(), v).dotProduct(x)
                    + (model.bias() == null ? 0 : model.bias().value().get(0, v));
        }
        Reference exact = Reference.of(
                products, target, model.config().softcap(), model.config().logitScale());
        double targetTerms =
                vector(model.weight().value(), target).ebeMultiply(x).getL1Norm();
        RealVector reference = new ArrayRealVector(x.getDimension());
        RealVector sizes = new ArrayRealVector(x.getDimension());
        for (int v = 0; v < vocabulary; v++) {
            double g = exact.gradient()[v];
            RealVector w = vector(model.weight().value(), v);
            reference.combineToSelf(1, g, w);
            sizes.combineToSelf(1, Math.abs(g), w.mapToSelf(Math::abs));
        }
        double lossError = Math.abs(losses.get(0, token) - exact.loss())
                / Math.max(Math.max(exact.loss(), targetTerms), Double.MIN_NORMAL);
        double gradientError = reference.subtract(vector(gradient, token)).getLInfNorm()
                / Math.max(sizes.getLInfNorm() * Reference.allowance(targetTerms), Double.MIN_NORMAL);
        return Math.max(lossError, gradientError);
    }

    private static RealVector vector(ReadableMatrix matrix, int row) {
        RealVector vector = new ArrayRealVector(matrix.columns());
        for (int c = 0; c < matrix.columns(); c++) {
            vector.setEntry(c, matrix.get(row, c));
        }
        return vector;
    }
}
