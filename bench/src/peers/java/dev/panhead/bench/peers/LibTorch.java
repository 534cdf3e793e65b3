package dev.panhead.bench.peers;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.optimizer.AdamW;
import ai.djl.training.tracker.Tracker;
import dev.panhead.bench.peers.Workload.Kind;
import dev.panhead.bench.peers.Workload.Part;
import dev.panhead.tensor.Matrix;
import java.nio.ByteOrder;

/** libtorch: a linear layer, log_softmax and what nll_loss with reduction mean does, a gather and a weighted sum; ignored targets weigh nothing. */
final class LibTorch implements Contender {

    private final NDManager manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    private Workload workload;
    private NDArray hidden;
    private NDArray weight;
    private NDArray bias;
    private NDArray logits;
    private NDArray gradient;
    private NDArray product;
    private NDIndex picked;
    private NDArray shares;
    private AdamW adamW;
    private double loss;

    @Override
    public void load(Inputs inputs) {
        workload = inputs.workload;
        switch (workload.kind()) {
            case STEP, BIASED_STEP, LOSS -> {
                hidden = array(inputs.hidden());
                weight = array(inputs.weight());
                loadTargets(inputs.targets());
                if (workload.kind() != Kind.LOSS) {
                    hidden.setRequiresGradient(true);
                    weight.setRequiresGradient(true);
                }
                if (workload.kind() == Kind.BIASED_STEP) {
                    bias = array(inputs.bias());
                    bias.setRequiresGradient(true);
                }
            }
            case LOG_SOFTMAX -> logits = array(inputs.logits());
            case DECODE, GEMM_LOGITS -> {
                hidden = array(inputs.hidden());
                weight = array(inputs.weight());
            }
            case ADAMW -> {
                weight = array(inputs.weight());
                gradient = array(inputs.gradient());
            }
            case GEMM_HIDDEN -> {
                logits = array(inputs.logits());
                weight = array(inputs.weight());
            }
            case GEMM_WEIGHT -> {
                logits = array(inputs.logits());
                hidden = array(inputs.hidden());
            }
        }
    }

    private NDArray array(Matrix matrix) {
        return manager.create(
                matrix.segment().asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer(),
                new Shape(matrix.rows(), matrix.columns()));
    }

    private void loadTargets(int[] targets) {
        long[] rows = new long[targets.length];
        float[] share = new float[targets.length];
        int kept = 0;
        for (int target : targets) {
            kept += target >= 0 ? 1 : 0;
        }
        for (int t = 0; t < targets.length; t++) {
            rows[t] = Math.max(0, targets[t]);
            share[t] = targets[t] >= 0 ? -1f / kept : 0;
        }
        picked = new NDIndex().addAllDim().addPickDim(manager.create(rows, new Shape(rows.length, 1)));
        shares = manager.create(share, new Shape(rows.length, 1));
    }

    @Override
    public void plan() {
        if (workload.kind() == Kind.ADAMW) {
            adamW = AdamW.builder()
                    .optLearningRateTracker(Tracker.fixed((float) Workload.RATE))
                    .optBeta1((float) Workload.BETA1)
                    .optBeta2((float) Workload.BETA2)
                    .optEpsilon((float) Workload.EPSILON)
                    .optWeightDecays((float) Workload.DECAY)
                    .build();
        }
    }

    @Override
    public void run() {
        switch (workload.kind()) {
            case STEP, BIASED_STEP -> step();
            case LOSS -> {
                try (NDManager scratch = manager.newSubManager()) {
                    loss = loss(scratch).getFloat();
                }
            }
            case ADAMW -> adamW.update("weight", weight, gradient);
            default -> {
                if (product != null) {
                    product.close();
                }
                try (NDManager scratch = manager.newSubManager()) {
                    product = product(scratch);
                    product.attach(manager);
                }
            }
        }
    }

    private NDArray product(NDManager scratch) {
        return switch (workload.kind()) {
            case LOG_SOFTMAX -> logits.logSoftmax(1);
            case DECODE -> {
                NDArray z = hidden.matMul(transposed(weight, scratch));
                z.attach(scratch);
                yield z.logSoftmax(1);
            }
            case GEMM_LOGITS -> hidden.matMul(transposed(weight, scratch));
            case GEMM_HIDDEN -> logits.matMul(weight);
            default -> transposed(logits, scratch).matMul(hidden);
        };
    }

    private static NDArray transposed(NDArray matrix, NDManager scratch) {
        NDArray transposed = matrix.transpose();
        transposed.attach(scratch);
        return transposed;
    }

    private void step() {
        hidden = withoutGradient(hidden);
        weight = withoutGradient(weight);
        if (bias != null) {
            bias = withoutGradient(bias);
        }
        try (NDManager scratch = manager.newSubManager();
                GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray mean = loss(scratch);
            collector.backward(mean);
            loss = mean.getFloat();
        }
    }

    /**
     * The same numbers, the last step's gradient let go: PyTorch's optimizers set gradients to none. The collector's own way
     * would fill them with zeros and add to them.
     */
    private NDArray withoutGradient(NDArray leaf) {
        NDArray fresh = leaf.stopGradient();
        fresh.attach(manager);
        fresh.setRequiresGradient(true);
        leaf.close();
        return fresh;
    }

    /** Logits and log-probabilities are closed early: what is still needed of them, the gradients' graph holds. */
    private NDArray loss(NDManager scratch) {
        NDArray z = hidden.matMul(transposed(weight, scratch));
        z.attach(scratch);
        if (bias != null) {
            z.addi(bias);
        }
        NDArray logProbabilities = z.logSoftmax(1);
        z.close();
        logProbabilities.attach(scratch);
        NDArray each = logProbabilities.get(picked);
        logProbabilities.close();
        each.attach(scratch);
        NDArray weighted = each.mul(shares);
        weighted.attach(scratch);
        NDArray sum = weighted.sum();
        sum.attach(scratch);
        return sum;
    }

    @Override
    public float[] row(Part part, int row) {
        if (part == Part.LOSS) {
            return new float[] {(float) loss};
        }
        return switch (part) {
            case HIDDEN_GRADIENT -> gradientRow(hidden, row);
            case WEIGHT_GRADIENT -> gradientRow(weight, row);
            case BIAS_GRADIENT -> gradientRow(bias, row);
            case WEIGHT -> row(weight, row);
            default -> row(product, row);
        };
    }

    /** The gradient's handle is closed at once: it would keep the memory of a gradient that a later step lets go. */
    private static float[] gradientRow(NDArray leaf, int row) {
        try (NDArray gradient = leaf.getGradient()) {
            return row(gradient, row);
        }
    }

    private static float[] row(NDArray matrix, int row) {
        try (NDArray values = matrix.get(row)) {
            return values.toFloatArray();
        }
    }
}
