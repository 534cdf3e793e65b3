package dev.panhead.trainer.model;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.math.Elementwise;
import dev.panhead.math.Rows;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.Batch;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The embeddings e of the last n tokens side by side, and two layers:
 *
 * <pre>
 *   h = gelu(W1 [e_1 ... e_n] + b1)          x = h + gelu(W2 h + b2)
 * </pre>
 *
 * (after Bengio et al., 2003). Allocates nothing after construction.
 */
public final class WindowEncoder implements ContextEncoder {

    /** As the head's and {@link Rows}': batches that are multiples of it add up to the bits of all their tokens at once. */
    private static final int REDUCTION_BLOCK = 256;

    private final int context;
    private final Parameter embedding;
    private final Parameter inputWeight;
    private final Parameter inputBias;
    private final Parameter residualWeight;
    private final Parameter residualBias;

    private final Gemm gemm;
    private final Elementwise elementwise;
    private final Rows rows;

    private final Matrix embedded;
    private final Matrix embeddedRows;
    private final Matrix inputSums;
    private final Matrix inputs;
    private final Matrix residualSums;
    private final Matrix hidden;
    private final Matrix residualGradient;
    private final Matrix embeddedGradient;
    private final Matrix embeddedGradientRows;
    private final Views whole;
    private Views views;
    private Ints contexts;

    /** The buffers cut to a batch's size; kept from call to call, since most batches have the same. */
    private record Views(
            Matrix embedded,
            Matrix embeddedRows,
            Matrix inputSums,
            Matrix inputs,
            Matrix residualSums,
            Matrix hidden,
            Matrix residualGradient,
            Matrix embeddedGradient,
            Matrix embeddedGradientRows) {}

    /**
     * A new encoder, its weights drawn by the random generator.
     *
     * @param maxTokens the largest batch
     */
    public WindowEncoder(Arena arena, Workers workers, ModelConfig config, int maxTokens, SplittableRandom random) {
        context = config.window().context();
        int width = config.width();
        int embeddingWidth = config.window().embedding();
        int inputWidth = Math.multiplyExact(context, embeddingWidth);
        embedding = Parameter.normal(arena, "encoder.embedding.weight", config.vocabulary(), embeddingWidth, 1, random);
        inputWeight =
                Parameter.normal(arena, "encoder.input.weight", width, inputWidth, Math.sqrt(1.0 / inputWidth), random);
        inputBias = Parameter.zeros(arena, "encoder.input.bias", 1, width);
        residualWeight =
                Parameter.normal(arena, "encoder.residual.weight", width, width, Math.sqrt(1.0 / width), random);
        residualBias = Parameter.zeros(arena, "encoder.residual.bias", 1, width);
        gemm = new Gemm(arena, workers, REDUCTION_BLOCK);
        elementwise = new Elementwise(workers);
        rows = new Rows(workers);
        embeddedRows = Matrix.allocate(arena, maxTokens * context, embeddingWidth);
        embedded = Matrix.wrap(embeddedRows.segment(), maxTokens, inputWidth);
        inputSums = Matrix.allocate(arena, maxTokens, width);
        inputs = Matrix.allocate(arena, maxTokens, width);
        residualSums = Matrix.allocate(arena, maxTokens, width);
        hidden = Matrix.allocate(arena, maxTokens, width);
        residualGradient = Matrix.allocate(arena, maxTokens, width);
        embeddedGradientRows = Matrix.allocate(arena, maxTokens * context, embeddingWidth);
        embeddedGradient = Matrix.wrap(embeddedGradientRows.segment(), maxTokens, inputWidth);
        whole = cut(maxTokens);
        views = whole;
    }

    /** The bytes of an encoder and its largest batch, parameters once. */
    static long bytes(ModelConfig config, int maxTokens) {
        long width = config.width();
        long inputWidth = (long) config.window().context() * config.window().embedding();
        long parameters = (long) config.vocabulary() * config.window().embedding() + width * (inputWidth + width + 2);
        return Float.BYTES * (parameters + maxTokens * (2 * inputWidth + 5 * width));
    }

    private Views cut(int tokens) {
        return new Views(
                embedded.rows(0, tokens),
                embeddedRows.rows(0, tokens * context),
                inputSums.rows(0, tokens),
                inputs.rows(0, tokens),
                residualSums.rows(0, tokens),
                hidden.rows(0, tokens),
                residualGradient.rows(0, tokens),
                embeddedGradient.rows(0, tokens),
                embeddedGradientRows.rows(0, tokens * context));
    }

    @Override
    public List<Parameter> parameters() {
        return List.of(embedding, inputWeight, inputBias, residualWeight, residualBias);
    }

    @Override
    public ReadableMatrix forward(Batch batch) {
        contexts = batch.contexts();
        int tokens = contexts.size() / context;
        if (views.hidden.rows() != tokens) {
            views = tokens == whole.hidden.rows() ? whole : cut(tokens);
        }
        rows.gather(embedding.value(), contexts, views.embeddedRows);
        gemm.multiply(Op.NONE, views.embedded, Op.TRANSPOSE, inputWeight.value(), views.inputSums);
        rows.addRow(inputBias.value(), views.inputSums);
        elementwise.gelu(views.inputSums, views.inputs);
        gemm.multiply(Op.NONE, views.inputs, Op.TRANSPOSE, residualWeight.value(), views.residualSums);
        rows.addRow(residualBias.value(), views.residualSums);
        elementwise.gelu(views.residualSums, views.hidden);
        elementwise.add(views.inputs, views.hidden);
        return views.hidden;
    }

    @Override
    public void backward(Matrix hiddenGradient, boolean accumulate) {
        float kept = accumulate ? 1 : 0;
        Matrix residual = views.residualGradient;
        elementwise.geluGradient(views.residualSums, hiddenGradient, residual);
        rows.columnSums(residual, residualBias.gradient(), accumulate);
        gemm.multiply(1, Op.TRANSPOSE, residual, Op.NONE, views.inputs, kept, residualWeight.gradient());
        gemm.multiply(1, Op.NONE, residual, Op.NONE, residualWeight.value(), 1, hiddenGradient);
        elementwise.geluGradient(views.inputSums, hiddenGradient, hiddenGradient);
        rows.columnSums(hiddenGradient, inputBias.gradient(), accumulate);
        gemm.multiply(1, Op.TRANSPOSE, hiddenGradient, Op.NONE, views.embedded, kept, inputWeight.gradient());
        gemm.multiply(Op.NONE, hiddenGradient, Op.NONE, inputWeight.value(), views.embeddedGradient);
        if (!accumulate) {
            embedding.gradient().fill(0);
        }
        rows.scatterAdd(views.embeddedGradientRows, contexts, embedding.gradient());
    }
}
