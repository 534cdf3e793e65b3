package dev.panhead.trainer.loop;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How to train.
 *
 * @param batch tokens a step
 * @param steps number of steps, or 0 to train for a time
 * @param seconds how long to train if {@code steps} is 0
 * @param learningRate the highest learning rate
 * @param warmUp fraction of the training in which the rate rises to it
 * @param weightDecay of weights; biases and embeddings have none
 * @param clip largest gradient norm, or 0 for no clipping
 * @param seed of the initial weights and of the order of the batches
 */
public record TrainingOptions(
        int batch,
        long steps,
        double seconds,
        double learningRate,
        double warmUp,
        double weightDecay,
        double clip,
        long seed) {

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException naming the value that is out of range
     */
    public TrainingOptions {
        require(batch >= 1 && batch <= 1 << 16, "batch", batch, "from 1 to 65536");
        require(steps >= 0, "steps", steps, "at least 0");
        require(steps > 0 || seconds > 0, "seconds", seconds, "positive");
        require(learningRate > 0 && learningRate < 10, "learning rate", learningRate, "more than 0 and less than 10");
        require(warmUp >= 0 && warmUp < 1, "warm-up", warmUp, "at least 0 and less than 1");
        require(weightDecay >= 0 && weightDecay < 100, "weight decay", weightDecay, "at least 0 and less than 100");
        require(clip >= 0, "clip", clip, "at least 0");
    }

    private static void require(boolean holds, String name, Number value, String range) {
        if (!holds) {
            throw new IllegalArgumentException("the " + name + " must be " + range + ", but is " + value);
        }
    }

    /** The options by name, for files. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("batch", batch);
        map.put("steps", steps);
        map.put("seconds", seconds);
        map.put("learning_rate", learningRate);
        map.put("warm_up", warmUp);
        map.put("weight_decay", weightDecay);
        map.put("clip", clip);
        map.put("seed", seed);
        return map;
    }
}
