package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.Targets;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a head promises beside being exact: reproducibility, hard cases, errors, memory. */
class HeadContractsTest {

    private static Arena arena;
    private static Workers workers;

    @BeforeAll
    static void start() {
        arena = Arena.ofShared();
        workers = new Workers(2);
    }

    @AfterAll
    static void end() {
        workers.close();
        arena.close();
    }

    /** A head's inputs and a place for everything it can write. */
    private static final class Case {
        final int tokens;
        final int vocabulary;
        final int width;
        final Matrix hidden;
        final Matrix weight;
        final Matrix bias;
        final Targets targets;
        final Matrix losses;
        final Matrix dX;
        final Matrix dW;
        final Matrix db;
        HeadOptions options = HeadOptions.DEFAULT.withReduction(Reduction.SUM);

        Case(int tokens, int vocabulary, int width) {
            this.tokens = tokens;
            this.vocabulary = vocabulary;
            this.width = width;
            Numbers numbers = new Numbers(tokens + 31L * vocabulary + 977L * width);
            hidden = numbers.padded(arena, tokens, width, 1);
            weight = numbers.padded(arena, vocabulary, width, 0.5f);
            bias = numbers.matrix(arena, 1, vocabulary, 1);
            targets = numbers.targets(tokens, vocabulary);
            losses = Numbers.nanPadded(arena, 1, tokens);
            dX = Numbers.nanPadded(arena, tokens, width);
            dW = Numbers.nanPadded(arena, vocabulary, width);
            db = Numbers.nanPadded(arena, 1, vocabulary);
        }

        HeadInputs inputs() {
            return HeadInputs.of(hidden, weight, targets).withBias(bias);
        }

        HeadOutputs outputs() {
            return new HeadOutputs(losses, Gradient.write(dX), Gradient.write(dW), Gradient.write(db));
        }

        LinearCrossEntropy head(Workers team) {
            return new LinearCrossEntropy(arena, team, tokens, vocabulary, width, options);
        }

        double run() {
            return head(workers).run(inputs(), outputs()).loss();
        }

        int[][] bits() {
            return new int[][] {Numbers.bits(losses), Numbers.bits(dX), Numbers.bits(dW), Numbers.bits(db)};
        }
    }

    @Test
    void sameBitsForAnyNumberOfWorkers() {
        Case c = new Case(530, 601, 70);
        double loss = c.run();
        int[][] bits = c.bits();
        for (int size : new int[] {1, 3, 7}) {
            try (Workers team = new Workers(size)) {
                assertEquals(loss, c.head(team).run(c.inputs(), c.outputs()).loss());
                assertArrayEquals(bits, c.bits());
            }
        }
    }

    /** The least scratch that a head of this case can do with, as the error says it. */
    private static long smallestScratch(Case c) {
        c.options = c.options.withScratchBytes(1);
        String message = assertThrows(IllegalArgumentException.class, () -> c.head(workers))
                .getMessage();
        return Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
    }

    /** With the least scratch W is packed by windows, several of them; with the default as a whole. */
    @Test
    void sameBitsWithWindowsOfW() {
        Case c = new Case(290, 3265, 300);
        c.run();
        int[][] whole = c.bits();
        c.options = c.options.withScratchBytes(smallestScratch(c) + (1 << 20)); // each further worker takes some
        for (int threads : new int[] {1, 2, 3}) {
            try (Workers team = new Workers(threads)) {
                c.head(team).run(c.inputs(), c.outputs());
                assertArrayEquals(whole, c.bits());
            }
        }
    }

    /** Counts what is allocated from it. */
    private static final class CountingArena implements Arena {

        private final Arena arena = Arena.ofShared();
        private long bytes;

        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            bytes += byteSize;
            return arena.allocate(byteSize, byteAlignment);
        }

        @Override
        public MemorySegment.Scope scope() {
            return arena.scope();
        }

        @Override
        public void close() {
            arena.close();
        }
    }

    @Test
    void scratchStaysWithinItsBound() {
        for (int[] s : new int[][] {{1, 1, 1}, {5, 192, 1}, {13, 400, 7}, {300, 193, 40}, {600, 3265, 300}}) {
            Case c = new Case(s[0], s[1], s[2]);
            long smallest = smallestScratch(c);
            for (long bound : new long[] {smallest, smallest + 1000, 2 * smallest, HeadOptions.SCRATCH_BYTES}) {
                c.options = c.options.withScratchBytes(bound);
                try (CountingArena counting = new CountingArena()) {
                    new LinearCrossEntropy(counting, workers, c.tokens, c.vocabulary, c.width, c.options)
                            .run(c.inputs(), c.outputs());
                    assertTrue(
                            counting.bytes <= bound, counting.bytes + " bytes taken where " + bound + " are allowed");
                }
            }
        }
    }

    @Test
    void anUpstreamThatIsNotFiniteIsRefused() {
        Case c = new Case(5, 7, 3);
        c.options = c.options.withReduction(Reduction.NONE);
        Matrix upstream = Matrix.allocate(arena, 1, 5);
        for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
            upstream.fill(1);
            upstream.set(0, 3, bad);
            int[][] before = c.bits();
            String message = assertThrows(IllegalArgumentException.class, () -> c.head(workers)
                            .run(c.inputs().withUpstream(upstream), c.outputs()))
                    .getMessage();
            assertEquals("the upstream gradient of token 3 is " + bad, message);
            assertArrayEquals(before, c.bits());
            c.targets.set(3, HeadOptions.IGNORE_INDEX); // then it does not matter
            c.head(workers).run(c.inputs().withUpstream(upstream), c.outputs());
            c.targets.set(3, 2);
        }
    }

    @Test
    void sameBitsForAnyChunk() {
        Case c = new Case(1400, 601, 40);
        for (int t = 0; t < c.tokens; t += 7) {
            c.targets.set(t, HeadOptions.IGNORE_INDEX);
        }
        double loss = c.run();
        int[][] bits = c.bits();
        String message = assertThrows(IllegalArgumentException.class, () -> {
                    c.options = c.options.withScratchBytes(1000);
                    c.run();
                })
                .getMessage();
        assertTrue(message.startsWith("scratchBytes is 1000, but a chunk of 256 tokens"), message);
        long smallest = Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
        for (double factor : new double[] {1, 2, 3, 4.5}) {
            c.options = c.options.withScratchBytes((long) (smallest * factor));
            assertEquals(loss, c.run());
            assertArrayEquals(bits, c.bits());
        }
    }

    @Test
    void aTokenAloneIsTheSameAsInCompany() {
        Case c = new Case(300, 401, 65);
        c.run();
        int[] losses = Numbers.bits(c.losses);
        for (int t : new int[] {0, 1, 16, 31, 32, 255, 256, 299}) {
            int[] row = Numbers.bits(c.dX.rows(t, t + 1));
            Matrix loss = Matrix.allocate(arena, 1, 1);
            Matrix dX = Matrix.allocate(arena, 1, c.width);
            new LinearCrossEntropy(arena, workers, 1, c.vocabulary, c.width, c.options)
                    .run(
                            HeadInputs.of(c.hidden.rows(t, t + 1), c.weight, c.targets.view(t, t + 1))
                                    .withBias(c.bias),
                            HeadOutputs.NONE.withLosses(loss).withHidden(Gradient.write(dX)));
            assertEquals(losses[t], Float.floatToRawIntBits(loss.get(0, 0)));
            assertArrayEquals(row, Numbers.bits(dX));
        }
        for (int t = 0; t < c.tokens; t++) {
            if (t % 5 != 3) {
                c.targets.set(t, HeadOptions.IGNORE_INDEX); // other neighbours, other lanes
            }
        }
        int[] before = Numbers.bits(c.dX.rows(8, 9));
        c.run();
        assertEquals(losses[8], Float.floatToRawIntBits(c.losses.get(0, 8)));
        assertArrayEquals(before, Numbers.bits(c.dX.rows(8, 9)));
    }

    @Test
    void eachOutputAloneIsTheSameAsTogether() {
        Case c = new Case(290, 301, 41);
        double loss = c.run();
        int[][] bits = c.bits();
        LinearCrossEntropy head = c.head(workers);
        assertEquals(loss, head.run(c.inputs(), HeadOutputs.NONE).loss());
        c.losses.fill(-1);
        head.run(c.inputs(), HeadOutputs.NONE.withLosses(c.losses));
        c.dX.fill(-1);
        head.run(c.inputs(), HeadOutputs.NONE.withHidden(Gradient.write(c.dX)));
        c.dW.fill(-1);
        head.run(c.inputs(), HeadOutputs.NONE.withWeight(Gradient.write(c.dW)));
        c.db.fill(-1);
        head.run(c.inputs(), HeadOutputs.NONE.withBias(Gradient.write(c.db)));
        assertArrayEquals(bits, c.bits());
    }

    @Test
    void addingIsWritingAndOneSum() {
        Case c = new Case(250, 211, 33);
        c.run();
        int[][] written = c.bits();
        c.dX.fill(0);
        c.dW.fill(0);
        c.db.fill(0);
        HeadOutputs adding = new HeadOutputs(c.losses, Gradient.add(c.dX), Gradient.add(c.dW), Gradient.add(c.db));
        c.head(workers).run(c.inputs(), adding);
        assertSameValues(written, c);
        c.head(workers).run(c.inputs(), adding);
        for (int t = 0; t < c.tokens; t++) {
            float once = Float.intBitsToFloat(written[1][t * c.width + 5]);
            assertEquals(once + once, c.dX.get(t, 5));
        }
        for (int v = 0; v < c.vocabulary; v++) {
            // the targets' terms are added one by one, the others as one sum; they are of the order of 1, and may
            // cancel
            float once = Float.intBitsToFloat(written[2][v * c.width + 5]);
            assertEquals(once + once, c.dW.get(v, 5), 1e-6);
            float bias = Float.intBitsToFloat(written[3][v]);
            assertEquals(bias + bias, c.db.get(0, v), 1e-6);
        }
    }

    @Test
    void aBatchInPartsIsTheWholeBatch() {
        int part = 256; // a reduction block of tokens
        Case c = new Case(600, 211, 33);
        c.run();
        int[][] whole = c.bits();
        LinearCrossEntropy head = c.head(workers);
        for (int from = 0; from < c.tokens; from += part) {
            int to = Math.min(from + part, c.tokens);
            Targets targets = Targets.allocate(arena, to - from);
            for (int t = from; t < to; t++) {
                targets.set(t - from, c.targets.get(t));
            }
            Matrix losses = c.losses.view(0, from, 1, to - from);
            Gradient dX = Gradient.write(c.dX.rows(from, to));
            head.run(
                    HeadInputs.of(c.hidden.rows(from, to), c.weight, targets).withBias(c.bias),
                    new HeadOutputs(losses, dX, new Gradient(c.dW, from > 0), new Gradient(c.db, from > 0)));
        }
        assertArrayEquals(whole, c.bits());
    }

    /** Equal values; the sign of a zero may differ, since 0 + -0 is 0. */
    private static void assertSameValues(int[][] bits, Case c) {
        Matrix[] matrices = {c.losses, c.dX, c.dW, c.db};
        for (int i = 0; i < 4; i++) {
            float[] values = matrices[i].toArray();
            for (int j = 0; j < values.length; j++) {
                assertEquals(Float.intBitsToFloat(bits[i][j]) + 0f, values[j] + 0f);
            }
        }
    }

    @Test
    void microBatchesCutAtReductionBlocksAddUpToTheBatch() {
        Case c = new Case(600, 97, 31);
        c.run();
        int[] dW = Numbers.bits(c.dW);
        int[] db = Numbers.bits(c.db);
        c.dW.fill(0);
        c.db.fill(0);
        LinearCrossEntropy head = c.head(workers);
        for (int from = 0; from < 600; from += 256) {
            int to = Math.min(from + 256, 600);
            head.run(
                    HeadInputs.of(c.hidden.rows(from, to), c.weight, c.targets.view(from, to))
                            .withBias(c.bias),
                    HeadOutputs.NONE.withWeight(Gradient.add(c.dW)).withBias(Gradient.add(c.db)));
        }
        assertArrayEquals(dW, Numbers.bits(c.dW));
        assertArrayEquals(db, Numbers.bits(c.db));
    }

    @Test
    void allIgnored() {
        Case c = new Case(20, 9, 4);
        for (int t = 0; t < 20; t++) {
            c.targets.set(t, HeadOptions.IGNORE_INDEX);
        }
        for (Reduction reduction : new Reduction[] {Reduction.MEAN, Reduction.SUM}) {
            c.options = c.options.withReduction(reduction);
            c.dX.fill(7);
            c.dW.fill(7);
            c.db.fill(7);
            HeadResult result = c.head(workers).run(c.inputs(), c.outputs());
            assertEquals(0, result.loss());
            assertEquals(0, result.tokens());
            assertEquals(20, result.ignored());
            for (int[] bits : c.bits()) {
                assertArrayEquals(new int[bits.length], bits);
            }
        }
        c.dW.fill(7);
        c.head(workers).run(c.inputs(), HeadOutputs.NONE.withWeight(Gradient.add(c.dW)));
        assertEquals(7, c.dW.get(8, 3));
        c.options = c.options.withFailWhenAllIgnored(true);
        refused("all 20 targets are the ignore index -100", c);
    }

    @Test
    void anotherIgnoreIndex() {
        Case c = new Case(20, 9, 4);
        c.options = c.options.withIgnoreIndex(-1);
        c.targets.set(3, -1);
        assertEquals(19, c.head(workers).run(c.inputs(), c.outputs()).tokens());
        c.targets.set(4, -100);
        assertThrows(IndexOutOfBoundsException.class, c::run);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, -101, 9, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void targetsOutOfRangeAreNamedBeforeAnythingIsWritten(int target) {
        Case c = new Case(20, 9, 4);
        c.targets.set(13, target);
        int[][] before = c.bits();
        String message = assertThrows(IndexOutOfBoundsException.class, c::run).getMessage();
        assertEquals(
                "the target of token 13 is " + target
                        + ", which is neither a row of the vocabulary of 9 nor the ignore index -100",
                message);
        assertArrayEquals(before, c.bits());
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void nonFiniteLogitsAreNamed(float value) {
        for (int row : new int[] {0, 191, 192, 400}) {
            Case c = new Case(40, 401, 4);
            c.bias.set(0, row, value);
            NonFiniteLogitException e = assertThrows(NonFiniteLogitException.class, c::run);
            assertEquals(0, e.token());
            assertEquals(row, e.row());
            assertEquals("the logit of token 0 and vocabulary row " + row + " is " + value, e.getMessage());
        }
        Case c = new Case(40, 401, 4);
        c.hidden.set(37, 2, value);
        NonFiniteLogitException e = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(37, e.token());
        assertThrows(NonFiniteLogitException.class, () -> c.head(workers).run(c.inputs(), HeadOutputs.NONE));
    }

    @Test
    void aBiasOfMinusInfinityTakesAnEntryOut() {
        Case c = new Case(50, 401, 8);
        for (int t = 0; t < 50; t++) {
            c.targets.set(t, t);
        }
        for (int v = 60; v < 401; v++) {
            c.bias.set(0, v, Float.NEGATIVE_INFINITY); // whole blocks of the vocabulary among them
        }
        double loss = c.run();
        for (int v = 60; v < 401; v++) {
            assertEquals(0, c.db.get(0, v));
            assertEquals(0, c.dW.get(v, 7));
        }
        Matrix few = c.weight.rows(0, 60);
        Matrix biases = c.bias.view(0, 0, 1, 60);
        double expected = new LinearCrossEntropy(arena, workers, 50, 60, 8, c.options)
                .run(HeadInputs.of(c.hidden, few, c.targets).withBias(biases), HeadOutputs.NONE)
                .loss();
        assertEquals(expected, loss);
        c.targets.set(49, 60);
        refused("the target of token 49 is 60, which a bias of -Infinity has taken out of the vocabulary", c);
        for (int v = 1; v < 60; v++) {
            c.bias.set(0, v, Float.NEGATIVE_INFINITY);
        }
        for (int t = 0; t < 50; t++) {
            c.targets.set(t, 0);
        }
        assertEquals(0, c.run()); // nothing else is left
    }

    /** Logits that are exact in float32, so that what is known of the loss is known of the engine's. */
    private static Case withLogits(float[] logits, int target) {
        Case c = new Case(1, logits.length, 1);
        c.hidden.set(0, 0, 1);
        for (int v = 0; v < logits.length; v++) {
            c.weight.set(v, 0, logits[v]);
            c.bias.set(0, v, 0);
        }
        c.targets.set(0, target);
        return c;
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 1e4f, -1e4f, 1e8f, -1e8f, 1e30f})
    void equalLogitsOfAnySize(float offset) {
        float[] logits = new float[1000];
        java.util.Arrays.fill(logits, offset);
        Case c = withLogits(logits, 333);
        assertEquals(Math.log(1000), c.run(), 1e-6);
        assertEquals(-0.999, c.db.get(0, 333), 1e-7);
        assertEquals(0.001, c.db.get(0, 0), 1e-9);
    }

    @Test
    void aCommonOffsetChangesNothing() {
        float[] logits = new float[500];
        float[] shifted = new float[500];
        for (int v = 0; v < 500; v++) {
            logits[v] = 8 * (v % 7); // multiples of 8: exact beside 1e8, whose ulp is 8
            shifted[v] = logits[v] + 1e8f;
        }
        Case plain = withLogits(logits, 3);
        Case moved = withLogits(shifted, 3);
        assertEquals(plain.run(), moved.run());
        assertArrayEquals(Numbers.bits(plain.db), Numbers.bits(moved.db));
    }

    @ParameterizedTest
    @ValueSource(floats = {1, 10, 20, 40, 69, 80})
    void confidentTokensKeepTheirRelativeAccuracy(float margin) {
        Case c = withLogits(new float[] {0, margin, 0, -margin}, 1);
        double others = 2 * Math.exp(-margin) + Math.exp(-2 * margin);
        double loss = Math.log1p(others);
        assertEquals(loss, c.run(), 1e-6 * loss);
        assertEquals(loss, c.losses.get(0, 0), 1e-6 * loss);
        double gradient = -others / (1 + others);
        assertEquals(gradient, c.db.get(0, 1), 1e-6 * -gradient);
        assertEquals(Math.exp(-margin) / (1 + others), c.db.get(0, 0), 1e-6 * Math.exp(-margin));
    }

    @Test
    void aLoneEntryIsCertain() {
        Case c = withLogits(new float[] {-3}, 0);
        assertEquals(0, c.run());
        assertEquals(0, c.db.get(0, 0));
        assertEquals(200, withLogits(new float[] {200, 0}, 1).run(), 1e-5);
        assertEquals(2e38, withLogits(new float[] {1e38f, -1e38f}, 1).run(), 1e32);
    }

    @Test
    void aTargetsLogitThatOverflowsIsReported() {
        Case c = new Case(40, 50, 3);
        c.hidden.set(17, 1, 1e30f);
        c.weight.set(23, 1, 1e30f);
        c.targets.set(17, 23);
        NonFiniteLogitException thrown = assertThrows(NonFiniteLogitException.class, c::run);
        assertEquals(17, thrown.token());
        assertEquals(23, thrown.row());
    }

    @Test
    void refusesWhatCannotBeWrittenOrReadBeforeItWrites() {
        Case c = new Case(10, 9, 4);
        LinearCrossEntropy head = c.head(workers);
        int[] before = Numbers.bits(c.dX);
        Matrix readOnly = Matrix.wrap(arena.allocate(9 * 4 * 4).asReadOnly(), 9, 4);
        refused(
                "weight gradient is to be written, but its memory is read-only",
                () -> head.run(c.inputs(), HeadOutputs.gradients(c.dX, readOnly)));
        Matrix overTargets = Matrix.wrap(c.dW.segment(), 1, 10);
        Targets inside = Targets.wrap(c.dW.segment(), 10);
        refused(
                "losses shares memory with targets",
                () -> head.run(HeadInputs.of(c.hidden, c.weight, inside), HeadOutputs.NONE.withLosses(overTargets)));
        Arena closed = Arena.ofShared();
        Matrix gone = Matrix.allocate(closed, 9, 4);
        closed.close();
        String message = assertThrows(
                        IllegalStateException.class,
                        () -> head.run(HeadInputs.of(c.hidden, gone, c.targets), HeadOutputs.gradients(c.dX, c.dW)))
                .getMessage();
        assertEquals("weight belongs to an arena that is closed", message);
        assertThrows(NullPointerException.class, () -> Gradient.write(null));
        assertArrayEquals(before, Numbers.bits(c.dX));
    }

    @Test
    void plansForAnyNumberOfTokens() {
        Case c = new Case(10, 9, 4);
        double loss = c.run();
        LinearCrossEntropy head =
                new LinearCrossEntropy(arena, workers, Integer.MAX_VALUE, c.vocabulary, c.width, c.options);
        assertEquals(loss, head.run(c.inputs(), c.outputs()).loss());
    }

    @Test
    void refusesWhatDoesNotFit() {
        Case c = new Case(10, 9, 4);
        LinearCrossEntropy head = c.head(workers);
        HeadInputs inputs = c.inputs();
        refused(
                "weight must be 9 x 4, but is 10 x 4",
                () -> head.run(HeadInputs.of(c.hidden, c.hidden, c.targets), c.outputs()));
        refused(
                "there are 9 targets",
                () -> head.run(HeadInputs.of(c.hidden, c.weight, c.targets.view(0, 9)), c.outputs()));
        refused(
                "at most 10 tokens, but hidden has 11",
                () -> head.run(HeadInputs.of(Matrix.allocate(arena, 11, 4), c.weight, c.targets), HeadOutputs.NONE));
        refused("bias must be 1 x 9", () -> head.run(inputs.withBias(Matrix.allocate(arena, 9, 1)), c.outputs()));
        refused("shares memory with hidden", () -> head.run(inputs, HeadOutputs.gradients(c.hidden, c.dW)));
        Matrix first = c.dW.view(0, 0, 9, 4);
        refused(
                "shares memory with weight gradient",
                () -> head.run(
                        inputs,
                        HeadOutputs.gradients(c.dX, first)
                                .withBias(Gradient.write(Matrix.wrap(c.dW.segment(), 1, 9)))));
        refused("goes with reduction NONE", () -> head.run(inputs.withUpstream(c.losses), HeadOutputs.NONE));
        c.options = c.options.withReduction(Reduction.NONE);
        refused("needs an upstream gradient", () -> c.head(workers).run(inputs, c.outputs()));
        refused("1 vocabulary entry", () -> new LinearCrossEntropy(arena, workers, 1, 0, 4, HeadOptions.DEFAULT));
        try (Arena confined = Arena.ofConfined()) {
            refused(
                    "hidden belongs to a confined arena",
                    () -> head.run(
                            HeadInputs.of(Matrix.allocate(confined, 10, 4), c.weight, c.targets), HeadOutputs.NONE));
            refused("confined", () -> new LinearCrossEntropy(confined, workers, 1, 2, 4, HeadOptions.DEFAULT));
        }
    }

    @Test
    void aStepAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        Case c = new Case(64, 300, 48);
        LinearCrossEntropy head = c.head(workers);
        HeadInputs inputs = c.inputs();
        HeadOutputs outputs = c.outputs();
        long allocated = Long.MAX_VALUE;
        long end = System.nanoTime() + 60_000_000_000L; // the compiler takes its time
        while (allocated > 0 && System.nanoTime() < end) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 100; i++) {
                head.run(inputs, outputs);
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertEquals(0, allocated);
    }

    @Test
    void anArenaClosedInMidCallIsAnException() throws Exception {
        for (int attempt = 0; attempt < 5; attempt++) {
            Arena doomed = Arena.ofShared();
            Matrix hidden = Matrix.allocate(doomed, 600, 200);
            Matrix weight = Matrix.allocate(doomed, 8000, 200);
            Matrix dX = Matrix.allocate(doomed, 600, 200);
            Matrix dW = Matrix.allocate(doomed, 8000, 200);
            LinearCrossEntropy head = new LinearCrossEntropy(arena, workers, 600, 8000, 200, HeadOptions.DEFAULT);
            Thread closer = Thread.ofPlatform().start(() -> {
                try {
                    Thread.sleep(40);
                    doomed.close();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            assertThrows(IllegalStateException.class, () -> {
                for (int i = 0; i < 1000; i++) {
                    head.run(HeadInputs.of(hidden, weight, Targets.of(new int[600])), HeadOutputs.gradients(dX, dW));
                }
            });
            closer.join();
        }
        new Case(30, 40, 5).run();
    }

    private static void refused(String part, Case c) {
        int[][] before = c.bits();
        refused(part, c::run);
        assertArrayEquals(before, c.bits());
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }
}
