package dev.panhead.trainer.data;

import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Rows of hidden states with their labels; those that are ignored have no number.
 *
 * @param states the rows
 */
public record HiddenExamples(HiddenStates states) implements Examples {

    @Override
    public long count() {
        return states.counted();
    }

    @Override
    public Batch batch(Arena arena, int maxTokens) {
        return Batch.ofHidden(arena, states.allocate(arena, maxTokens));
    }

    @Override
    public void copy(long example, Batch batch, int index) {
        long row = states.countedRow(example);
        states.copyRow(row, batch.hidden(), index);
        batch.targets().set(index, states.label(row));
    }

    @Override
    public long bytes(long from, long to) {
        return 0;
    }

    @Override
    public int target(long example) {
        return states.label(states.countedRow(example));
    }

    @Override
    public Map<String, Object> describe(long example) {
        long row = states.countedRow(example);
        Map<String, Object> description = new LinkedHashMap<>();
        description.put("target", describeToken(target(example)));
        description.put("position", row);
        return description;
    }

    @Override
    public String place(long example) {
        return states.place(states.countedRow(example));
    }

    @Override
    public String describeToken(int token) {
        return Integer.toString(token);
    }

    @Override
    public long fingerprint() {
        return states.fingerprint();
    }

    @Override
    public long fingerprint(long from, long to) {
        return 31 * (31 * states.fingerprint() + from) + to;
    }
}
