package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OrderTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 16, 17, 100, 1009, 4096})
    void everyEpochTakesEveryExampleOnce(int count) {
        Order order = new Order(count, 5);
        for (int epoch = 0; epoch < 3; epoch++) {
            BitSet seen = new BitSet();
            for (long draw = (long) epoch * count; draw < (epoch + 1L) * count; draw++) {
                long example = order.at(draw);
                assertTrue(example >= 0 && example < count);
                seen.set((int) example);
            }
            assertEquals(count, seen.cardinality());
        }
    }

    @Test
    void aDrawDependsOnSeedAndNumberAlone() {
        Order forward = new Order(1000, 7);
        long[] draws = new long[2500];
        Arrays.setAll(draws, forward::at);
        Order backward = new Order(1000, 7);
        for (int i = draws.length - 1; i >= 0; i--) {
            assertEquals(draws[i], backward.at(i));
        }
        assertNotEquals(draws[0], new Order(1000, 8).at(0));
    }

    @Test
    void aRunOfDrawsIsSpreadOverAllExamples() {
        int count = 10_000;
        int run = 100;
        for (long seed = 0; seed < 50; seed++) {
            Order order = new Order(count, seed);
            long[] examples = new long[run];
            Arrays.setAll(examples, order::at);
            Arrays.sort(examples);
            for (int i = 1; i < run; i++) {
                assertTrue(examples[i] - examples[i - 1] < 4 * count / run, "seed " + seed + " leaves a gap");
            }
        }
    }

    @Test
    void nothingOverflowsWithTheMostExamples() {
        long count = (1L << 41) - 21;
        Order order = new Order(count, 3);
        long step = Math.floorMod(order.at(1) - order.at(0), count);
        for (long draw : new long[] {1000, 1L << 33, count / 2, count - 2}) {
            assertEquals(step, Math.floorMod(order.at(draw + 1) - order.at(draw), count), "at " + draw);
        }
        assertThrows(IllegalArgumentException.class, () -> new Order((1L << 41) + 1, 3));
        assertThrows(IllegalArgumentException.class, () -> new Order(0, 3));
    }
}
