package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Kind;
import dev.panhead.bench.peers.Workload.Part;
import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.GradientMode;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.head.LogSoftmax;
import dev.panhead.optim.AdamW;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;

/** Panhead itself. */
final class Panhead implements Contender {

    /** Set where its gradients are to be rounded at random, {@link GradientMode#unbiased()}. */
    static final String UNBIASED = "panhead.peers.unbiased";

    private final Arena arena = Arena.ofShared();
    private Workload workload;
    private Workers workers;
    private Ints targets;
    private Matrix hidden;
    private Matrix weight;
    private Matrix bias;
    private Matrix logits;
    private Matrix hiddenGradient;
    private Matrix weightGradient;
    private Matrix biasGradient;
    private AdamW.Moments moments;
    private Gemm gemm;
    private LinearCrossEntropy head;
    private LogSoftmax softmax;
    private AdamW adamW;
    private double loss;
    private long step;

    @Override
    public void load(Inputs inputs) {
        workload = inputs.workload;
        switch (workload.kind()) {
            case STEP, BIASED_STEP, LOSS -> {
                hidden = own(inputs.hidden());
                weight = own(inputs.weight());
                targets = Ints.of(inputs.targets());
                if (workload.kind() != Kind.LOSS) {
                    hiddenGradient = touched(hidden.rows(), hidden.columns());
                    weightGradient = touched(weight.rows(), weight.columns());
                }
                if (workload.kind() == Kind.BIASED_STEP) {
                    bias = own(inputs.bias());
                    biasGradient = touched(bias.rows(), bias.columns());
                }
            }
            case LOG_SOFTMAX -> {
                logits = own(inputs.logits());
                hidden = touched(logits.rows(), logits.columns());
            }
            case DECODE -> {
                hidden = own(inputs.hidden());
                weight = own(inputs.weight());
                logits = touched(workload.tokens(), workload.vocabulary());
            }
            case ADAMW -> {
                weight = own(inputs.weight());
                weightGradient = own(inputs.gradient());
            }
            case GEMM_LOGITS -> {
                hidden = own(inputs.hidden());
                weight = own(inputs.weight());
                logits = touched(workload.tokens(), workload.vocabulary());
            }
            case GEMM_HIDDEN -> {
                logits = own(inputs.logits());
                weight = own(inputs.weight());
                hidden = touched(workload.tokens(), workload.width());
            }
            case GEMM_WEIGHT -> {
                logits = own(inputs.logits());
                hidden = own(inputs.hidden());
                weight = touched(workload.vocabulary(), workload.width());
            }
        }
    }

    private Matrix own(Matrix input) {
        Matrix copy = Matrix.allocate(arena, input.rows(), input.columns());
        copy.copyFrom(input);
        return copy;
    }

    /** An output, its pages there already: it is not the library's memory. */
    private Matrix touched(int rows, int columns) {
        Matrix matrix = Matrix.allocate(arena, rows, columns);
        matrix.fill(1);
        return matrix;
    }

    @Override
    public void plan() {
        workers = new Workers(workload.threads());
        switch (workload.kind()) {
            case STEP, BIASED_STEP, LOSS ->
                head = new LinearCrossEntropy(
                        arena,
                        workers,
                        workload.tokens(),
                        workload.vocabulary(),
                        workload.width(),
                        Boolean.getBoolean(UNBIASED)
                                ? HeadOptions.DEFAULT.withGradientMode(GradientMode.unbiased())
                                : HeadOptions.DEFAULT);
            case LOG_SOFTMAX -> softmax = new LogSoftmax(workers);
            case DECODE -> {
                gemm = new Gemm(arena, workers);
                softmax = new LogSoftmax(workers);
            }
            case ADAMW -> {
                adamW = new AdamW(workers, Workload.BETA1, Workload.BETA2, Workload.EPSILON, Workload.DECAY);
                moments = AdamW.Moments.allocate(arena, weight.rows(), weight.columns());
            }
            default -> gemm = new Gemm(arena, workers);
        }
    }

    @Override
    public void run() {
        switch (workload.kind()) {
            case STEP ->
                loss = head.run(
                                HeadInputs.of(hidden, weight, targets),
                                HeadOutputs.gradients(hiddenGradient, weightGradient),
                                ++step)
                        .loss();
            case BIASED_STEP ->
                loss = head.run(
                                HeadInputs.of(hidden, weight, targets).withBias(bias),
                                HeadOutputs.gradients(hiddenGradient, weightGradient)
                                        .withBias(Gradient.write(biasGradient)),
                                ++step)
                        .loss();
            case LOSS ->
                loss = head.run(HeadInputs.of(hidden, weight, targets), HeadOutputs.NONE)
                        .loss();
            case LOG_SOFTMAX -> softmax.values(logits, hidden);
            case DECODE -> {
                gemm.multiply(Op.NONE, hidden, Op.TRANSPOSE, weight, logits);
                softmax.values(logits, logits);
            }
            case ADAMW -> adamW.update(weight, weightGradient, moments, ++step, Workload.RATE, 1);
            case GEMM_LOGITS -> gemm.multiply(Op.NONE, hidden, Op.TRANSPOSE, weight, logits);
            case GEMM_HIDDEN -> gemm.multiply(Op.NONE, logits, Op.NONE, weight, hidden);
            case GEMM_WEIGHT -> gemm.multiply(Op.TRANSPOSE, logits, Op.NONE, hidden, weight);
        }
    }

    @Override
    public float[] row(Part part, int row) {
        Matrix from =
                switch (part) {
                    case LOSS -> null;
                    case HIDDEN_GRADIENT -> hiddenGradient;
                    case WEIGHT_GRADIENT -> weightGradient;
                    case BIAS_GRADIENT -> biasGradient;
                    case WEIGHT -> weight;
                    case LOG_PROBABILITIES -> workload.kind() == Kind.DECODE ? logits : hidden;
                    case PRODUCT ->
                        switch (workload.kind()) {
                            case GEMM_LOGITS -> logits;
                            case GEMM_HIDDEN -> hidden;
                            default -> weight;
                        };
                };
        if (from == null) {
            return new float[] {(float) loss};
        }
        float[] values = new float[from.columns()];
        for (int column = 0; column < values.length; column++) {
            values[column] = from.get(row, column);
        }
        return values;
    }
}
