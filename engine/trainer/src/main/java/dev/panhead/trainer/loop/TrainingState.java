package dev.panhead.trainer.loop;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where a training stands, parameters and the optimizer's memory aside.
 *
 * @param step steps done
 * @param seconds time taken
 * @param loss running mean of the training loss
 * @param bestLoss the lowest loss on what is held out, or infinity before the first look
 * @param bestStep when it was reached
 * @param looksSinceBest looks since then
 */
public record TrainingState(
        long step, double seconds, double loss, double bestLoss, long bestStep, int looksSinceBest) {

    static final TrainingState START = new TrainingState(0, 0, Double.NaN, Double.POSITIVE_INFINITY, 0, 0);

    /** Whether there was a look, and the parameters of the best one are kept. */
    boolean hasBest() {
        return bestLoss < Double.POSITIVE_INFINITY;
    }

    /** As JSON; doubles as their shortest decimals, which are read back to the bit. */
    String toJson(Map<String, Object> options) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("step", step);
        map.put("seconds", seconds);
        map.put("loss", Double.toString(loss));
        map.put("best_loss", Double.toString(bestLoss));
        map.put("best_step", bestStep);
        map.put("looks_since_best", looksSinceBest);
        map.put("options", options);
        return JSON.std.asString(map);
    }

    /** The state of what {@link #toJson} wrote. */
    static TrainingState of(Map<String, Object> json) {
        return new TrainingState(
                ((Number) json.get("step")).longValue(),
                ((Number) json.get("seconds")).doubleValue(),
                Double.parseDouble((String) json.get("loss")),
                Double.parseDouble((String) json.get("best_loss")),
                ((Number) json.get("best_step")).longValue(),
                ((Number) json.get("looks_since_best")).intValue());
    }
}
