package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.HalfMatrix.Format;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A head whose weight or hidden states are of 16 bits does what it does with those numbers widened, to the bit. */
class HeadHalvesTest {

    @ParameterizedTest
    @EnumSource
    void areWidened(Format format) {
        int[][] shapes = {{1, 1, 1}, {7, 5, 3}, {41, 409, 24}, {300, 193, 300}, {20, 1000, 257}, {3, 200, 19_000}};
        for (int[] shape : shapes) {
            for (boolean whole : new boolean[] {true, false}) { // whether W is packed as a whole
                try (Arena arena = Arena.ofShared();
                        Workers workers = new Workers(2)) {
                    HeadCase c = new HeadCase(arena, workers, shape[0], shape[1], shape[2]);
                    c.options = c.options.withLabelSmoothing(0.1);
                    if (!whole) {
                        c.options = c.options.withScratchBytes(leastScratch(c, workers));
                    }
                    if (shape[0] > 2) {
                        c.targets.set(1, HeadOptions.IGNORE_INDEX);
                    }
                    HalfMatrix hidden = Numbers.halves(arena, format, c.hidden);
                    HalfMatrix weight = Numbers.halves(arena, format, c.weight);
                    double expected = run(c, workers, hidden.toMatrix(arena), weight.toMatrix(arena));
                    int[][] bits = c.bits();
                    for (ReadableMatrix x : new ReadableMatrix[] {hidden, hidden.toMatrix(arena)}) {
                        assertEquals(expected, run(c, workers, x, weight));
                        assertArrayEquals(bits, c.bits());
                    }
                }
            }
        }
    }

    private static double run(HeadCase c, Workers workers, ReadableMatrix hidden, ReadableMatrix weight) {
        c.dX.fill(Float.NaN);
        c.dW.fill(Float.NaN);
        c.db.fill(Float.NaN);
        HeadInputs inputs = HeadInputs.of(hidden, weight, c.targets).withBias(c.bias);
        return c.head(workers).run(inputs, c.outputs()).loss();
    }

    /** What the message of a head that has too little says it takes. */
    private static long leastScratch(HeadCase c, Workers workers) {
        HeadOptions none = c.options.withScratchBytes(1);
        HeadOptions before = c.options;
        c.options = none;
        String message = assertThrows(IllegalArgumentException.class, () -> c.head(workers))
                .getMessage();
        c.options = before;
        return Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
    }

    @ParameterizedTest
    @EnumSource
    void aGradientMayNotLieInThem(Format format) {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            HeadCase c = new HeadCase(arena, workers, 3, 4, 8);
            HalfMatrix weight = HalfMatrix.wrap(format, c.dW.segment(), 4, 8);
            String message = assertThrows(IllegalArgumentException.class, () -> run(c, workers, c.hidden, weight))
                    .getMessage();
            assertTrue(message.contains("weight gradient shares memory with weight"), message);
            HalfMatrix wrong = HalfMatrix.of(arena, format, Matrix.allocate(arena, 5, 8));
            message = assertThrows(IllegalArgumentException.class, () -> run(c, workers, c.hidden, wrong))
                    .getMessage();
            assertTrue(message.contains("weight must be 4 x 8, but is 5 x 8"), message);
        }
    }
}
