package dev.panhead.trainer.loop;

import dev.panhead.head.GradientMode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * How to train.
 *
 * @param batch tokens a micro-batch
 * @param accumulate micro-batches a step
 * @param steps number of steps, or 0 to train for a time
 * @param seconds how long to train if {@code steps} is 0
 * @param schedule of the learning rate
 * @param optimizer which, and how
 * @param clip largest gradient norm, or 0 for no clipping
 * @param labelSmoothing share of the targets' weight that is spread over all tokens
 * @param zLoss factor of the squared log-sum-exp
 * @param gradient how much of the gradient of the logits is multiplied
 * @param fused whether the head's weight is updated as its gradient becomes final, which is then never held
 * @param headOnly whether the encoder stays as it is
 * @param frozenRows rows of the head that stay as they are
 * @param evaluateEvery steps between two looks at what is held out, or 0 for ten looks
 * @param patience looks without improvement after which the training ends, or 0 for none
 * @param keepBest whether the parameters of the best look are kept instead of the last ones
 * @param auditEvery steps between two audits, or 0 for none
 * @param seed of the initial weights and of the order of the batches
 */
public record TrainingOptions(
        int batch,
        int accumulate,
        long steps,
        double seconds,
        Schedule schedule,
        OptimizerOptions optimizer,
        double clip,
        double labelSmoothing,
        double zLoss,
        GradientMode gradient,
        boolean fused,
        boolean headOnly,
        List<RowRange> frozenRows,
        long evaluateEvery,
        int patience,
        boolean keepBest,
        long auditEvery,
        long seed) {

    /** The names of options that a training may go on with changed, if that is wished. */
    public static final Set<String> CHANGEABLE = Set.of(
            "steps",
            "seconds",
            "schedule",
            "learning_rate",
            "warm_up",
            "floor",
            "weight_decay",
            "clip",
            "label_smoothing",
            "z_loss",
            "gradient",
            "evaluate_every",
            "patience");

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException naming the value that is out of range, or two that exclude each other
     */
    public TrainingOptions {
        require(batch >= 1 && batch <= 1 << 16, "batch", batch, "from 1 to 65536");
        require(accumulate >= 1 && accumulate <= 1 << 16, "accumulate", accumulate, "from 1 to 65536");
        require(steps >= 0, "steps", steps, "at least 0");
        require(steps > 0 || seconds > 0 && seconds < Double.POSITIVE_INFINITY, "seconds", seconds, "positive");
        require(clip >= 0, "clip", clip, "at least 0");
        require(labelSmoothing >= 0 && labelSmoothing <= 1, "label-smoothing", labelSmoothing, "from 0 to 1");
        require(zLoss >= 0 && zLoss < Double.POSITIVE_INFINITY, "z-loss", zLoss, "at least 0");
        require(evaluateEvery >= 0, "evaluate-every", evaluateEvery, "at least 0");
        require(patience >= 0, "patience", patience, "at least 0");
        require(auditEvery >= 0, "validate-every", auditEvery, "at least 0");
        frozenRows = RowRange.inOrder(frozenRows);
        if (fused && clip > 0) {
            throw new IllegalArgumentException(
                    "--fused has no gradient whose norm could be clipped to " + clip + " (--clip)");
        }
        if (fused && accumulate > 1) {
            throw new IllegalArgumentException(
                    "--fused has no gradient in which " + accumulate + " batches could be accumulated (--accumulate)");
        }
        if (fused && !frozenRows.isEmpty()) {
            throw new IllegalArgumentException("--fused updates all rows and can freeze none (--freeze-rows)");
        }
    }

    static void require(boolean holds, String name, Number value, String range) {
        if (!holds) {
            throw new IllegalArgumentException("--" + name + " must be " + range + ", but is " + value);
        }
    }

    /** Whether all of the gradient of the logits is multiplied. */
    public boolean isExact() {
        return gradient instanceof GradientMode.Exact;
    }

    /** Tokens a step. */
    public long tokensPerStep() {
        return (long) batch * accumulate;
    }

    /** The options by name, for files. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("batch", batch);
        map.put("accumulate", accumulate);
        if (steps > 0) {
            map.put("steps", steps);
        } else {
            map.put("seconds", seconds);
        }
        map.put("schedule", schedule.shape().toString());
        map.put("learning_rate", schedule.peak());
        map.put("warm_up", schedule.warmUp());
        map.put("floor", schedule.floor());
        map.putAll(new TreeMap<>(optimizer.toMap()));
        map.put("clip", clip);
        map.put("label_smoothing", labelSmoothing);
        map.put("z_loss", zLoss);
        map.put("gradient", GradientName.of(gradient));
        map.put("fused", fused);
        map.put("head_only", headOnly);
        map.put("frozen_rows", RowRange.toString(frozenRows));
        map.put("evaluate_every", evaluateEvery);
        map.put("patience", patience);
        map.put("keep_best", keepBest);
        map.put("seed", seed);
        return map;
    }
}
