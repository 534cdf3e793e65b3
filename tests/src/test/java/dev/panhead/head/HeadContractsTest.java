package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a head promises beside being exact: reproducibility, errors, memory. */
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

    @Test
    void sameBitsForAnyNumberOfWorkers() {
        HeadCase c = new HeadCase(arena, workers, 530, 601, 70);
        double loss = c.run();
        int[][] bits = c.bits();
        for (int size : new int[] {1, 3, 7}) {
            try (Workers team = new Workers(size)) {
                assertEquals(loss, c.head(team).run(c.inputs(), c.outputs()).loss());
                assertArrayEquals(bits, c.bits());
            }
        }
    }

    /** More workers than processors, so that some are held up, and others take over what these have begun. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sameBitsWhicheverWorkerIsHeldUp(boolean lean) {
        HeadCase c = new HeadCase(arena, workers, 300, 4001, 40);
        c.options = c.options.withLean(lean);
        c.run();
        int[][] bits = c.bits();
        try (Workers team = new Workers(2 * Runtime.getRuntime().availableProcessors() + 1)) {
            LinearCrossEntropy head = c.head(team);
            for (int i = 0; i < 50; i++) {
                c.dX.fill(Float.NaN);
                head.run(c.inputs(), c.outputs());
                assertArrayEquals(bits, c.bits());
            }
        }
    }

    /** So that what is decoded by products is what was trained. */
    @ParameterizedTest
    @ValueSource(ints = {5, 128, 129, 300, 1000})
    void theLogitsAreThoseOfGemm(int width) {
        HeadCase c = new HeadCase(arena, workers, 1, 2, width);
        Matrix logits = Matrix.allocate(arena, 1, 2);
        new Gemm(arena, workers, Chunk.WIDTH_BLOCK).multiply(Op.NONE, c.hidden, Op.TRANSPOSE, c.weight, logits);
        int target = c.targets.get(0);
        double above = (double) logits.get(0, target) - logits.get(0, 1 - target);
        double loss = above >= 0
                ? StrictMath.log1p(StrictMath.exp(-above))
                : StrictMath.log(1 + StrictMath.exp(above)) - above;
        HeadInputs inputs = HeadInputs.of(c.hidden, c.weight, c.targets);
        assertEquals(loss, c.head().run(inputs, HeadOutputs.NONE).loss());
    }

    /** The least scratch that a head of this case can do with, as the error says it. */
    private static long smallestScratch(HeadCase c) {
        c.options = c.options.withScratchBytes(1);
        String message = assertThrows(IllegalArgumentException.class, () -> c.head(workers))
                .getMessage();
        return Long.parseLong(message.substring(message.lastIndexOf(' ') + 1));
    }

    /** With the least scratch W is packed by windows, several of them; with the default as a whole. */
    @Test
    void sameBitsWithWindowsOfW() {
        HeadCase c = new HeadCase(arena, workers, 290, 3265, 300);
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

    /** The logits are computed once more, for several windows of the vocabulary: nothing but the memory shows it. */
    @Test
    void sameBitsWhenLean() {
        for (int[] s : new int[][] {{290, 3265, 300}, {20, 1537, 30}, {1, 40, 5}}) {
            HeadCase c = new HeadCase(arena, workers, s[0], s[1], s[2]);
            c.run();
            int[][] once = c.bits();
            c.options = c.options.withLean(true);
            for (int threads : new int[] {1, 2, 3}) {
                try (Workers team = new Workers(threads)) {
                    c.dX.fill(Float.NaN);
                    c.dW.fill(Float.NaN);
                    c.head(team).run(c.inputs(), c.outputs());
                    assertArrayEquals(once, c.bits());
                }
            }
        }
    }

    /** Used memory, and that of a file, serve like any other. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void sameBitsInMemoryOfAnotherKind(boolean ofAFile, @TempDir Path folder) throws IOException {
        List<HeadOptions> all = List.of(
                HeadOptions.DEFAULT,
                HeadOptions.DEFAULT.withLean(true).withLabelSmoothing(0.1).withSoftcap(30),
                HeadOptions.DEFAULT.withGradientMode(GradientMode.drop(0.01)),
                HeadOptions.DEFAULT.withGradientMode(GradientMode.unbiased(0.01)));
        for (HeadOptions options : all) {
            HeadCase c = new HeadCase(arena, workers, 60, 1601, 23);
            c.options = options;
            double loss = c.head().run(c.inputs(), c.outputs(), 1).loss();
            int[][] bits = c.bits();
            try (Arena local = Arena.ofShared();
                    FileChannel file = FileChannel.open(
                            folder.resolve("scratch"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE)) {
                long size = 1 << 24;
                SlicingArena sliced = SlicingArena.of(
                        ofAFile ? file.map(FileChannel.MapMode.READ_WRITE, 0, size, local) : local.allocate(size, 64));
                LinearCrossEntropy head =
                        new LinearCrossEntropy(sliced, workers, c.tokens, c.vocabulary, c.width, options);
                c.dX.fill(Float.NaN);
                c.dW.fill(Float.NaN);
                assertEquals(loss, head.run(c.inputs(), c.outputs(), 1).loss());
                assertArrayEquals(bits, c.bits());
            }
        }
    }

    /** Its scratch memory hardly grows with the vocabulary, where the default's grows by a float for each entry and token. */
    @Test
    void leanScratchHardlyGrowsWithTheVocabulary() {
        long[] bytes = new long[4];
        for (int i = 0; i < 4; i++) {
            HeadCase c = new HeadCase(arena, workers, 256, i % 2 == 0 ? 10_000 : 20_000, 100);
            c.options = c.options.withLean(i > 1);
            try (CountingArena counting = new CountingArena()) {
                new LinearCrossEntropy(counting, workers, c.tokens, c.vocabulary, c.width, c.options)
                        .run(c.inputs(), c.outputs());
                bytes[i] = counting.bytes();
            }
        }
        assertTrue(bytes[1] - bytes[0] >= 256 * 10_000L * Float.BYTES);
        long growth = bytes[3] - bytes[2];
        assertTrue(growth <= 256 * 8L * 54, growth + " bytes for 10,000 entries"); // of 192 each
    }

    @Test
    void scratchStaysWithinItsBound() {
        for (int[] s : new int[][] {{1, 1, 1}, {5, 192, 1}, {13, 400, 7}, {300, 193, 40}, {600, 3265, 300}}) {
            HeadCase c = new HeadCase(arena, workers, s[0], s[1], s[2]);
            long smallest = smallestScratch(c);
            for (long bound : new long[] {smallest, smallest + 1000, 2 * smallest, HeadOptions.SCRATCH_BYTES}) {
                c.options = c.options.withScratchBytes(bound);
                try (CountingArena counting = new CountingArena()) {
                    new LinearCrossEntropy(counting, workers, c.tokens, c.vocabulary, c.width, c.options)
                            .run(c.inputs(), c.outputs());
                    assertTrue(
                            counting.bytes() <= bound,
                            counting.bytes() + " bytes taken where " + bound + " are allowed");
                }
            }
        }
    }

    @Test
    void anUpstreamThatIsNotFiniteIsRefused() {
        HeadCase c = new HeadCase(arena, workers, 5, 7, 3);
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
        HeadCase c = new HeadCase(arena, workers, 1400, 601, 40);
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
        HeadCase c = new HeadCase(arena, workers, 300, 401, 65);
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
        HeadCase c = new HeadCase(arena, workers, 290, 301, 41);
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
        HeadCase c = new HeadCase(arena, workers, 256, 211, 33);
        c.run();
        int[][] written = c.bits();
        c.dX.fill(0);
        c.dW.fill(0);
        c.db.fill(0);
        HeadOutputs adding = HeadOutputs.NONE
                .withLosses(c.losses)
                .withHidden(Gradient.add(c.dX))
                .withWeight(Gradient.add(c.dW))
                .withBias(Gradient.add(c.db));
        c.head(workers).run(c.inputs(), adding);
        assertSameValues(written, c);
        c.head(workers).run(c.inputs(), adding);
        for (int t = 0; t < c.tokens; t++) {
            float once = Float.intBitsToFloat(written[1][t * c.width + 5]);
            assertEquals(once + once, c.dX.get(t, 5));
        }
        // the reduction block of tokens once more: the same bits as a batch that has it twice
        HeadCase twice = new HeadCase(arena, workers, 2 * c.tokens, c.vocabulary, c.width);
        twice.weight.copyFrom(c.weight);
        twice.bias.copyFrom(c.bias);
        for (int t = 0; t < twice.tokens; t++) {
            twice.hidden.rows(t, t + 1).copyFrom(c.hidden.rows(t % c.tokens, t % c.tokens + 1));
            twice.targets.set(t, c.targets.get(t % c.tokens));
        }
        twice.run();
        c.run();
        c.head(workers).run(c.inputs(), adding);
        assertArrayEquals(Numbers.bits(twice.dW), Numbers.bits(c.dW));
        assertArrayEquals(Numbers.bits(twice.db), Numbers.bits(c.db));
    }

    /** Equal values; the sign of a zero may differ, since 0 + -0 is 0. */
    private static void assertSameValues(int[][] bits, HeadCase c) {
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
        HeadCase c = new HeadCase(arena, workers, 600, 97, 31);
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
    void refusesWhatCannotBeWrittenOrReadBeforeItWrites() {
        HeadCase c = new HeadCase(arena, workers, 10, 9, 4);
        LinearCrossEntropy head = c.head(workers);
        int[] before = Numbers.bits(c.dX);
        Matrix readOnly = Matrix.wrap(arena.allocate(9 * 4 * 4).asReadOnly(), 9, 4);
        refused(
                "weight gradient is to be written, but its memory is read-only",
                () -> head.run(c.inputs(), HeadOutputs.gradients(c.dX, readOnly)));
        Matrix overTargets = Matrix.wrap(c.dW.segment(), 1, 10);
        Ints inside = Ints.wrap(c.dW.segment(), 10);
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
        HeadCase c = new HeadCase(arena, workers, 10, 9, 4);
        double loss = c.run();
        LinearCrossEntropy head =
                new LinearCrossEntropy(arena, workers, Integer.MAX_VALUE, c.vocabulary, c.width, c.options);
        assertEquals(loss, head.run(c.inputs(), c.outputs()).loss());
    }

    @Test
    void refusesWhatDoesNotFit() {
        HeadCase c = new HeadCase(arena, workers, 10, 9, 4);
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
        HeadCase c = new HeadCase(arena, workers, 64, 300, 48);
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
                    head.run(HeadInputs.of(hidden, weight, Ints.of(new int[600])), HeadOutputs.gradients(dX, dW));
                }
            });
            Thread.interrupted(); // HotSpot may have set it
            closer.join();
        }
        new HeadCase(arena, workers, 30, 40, 5).run();
    }

    /** Nothing of what a rejected call would have written is there, the zeros of ignored tokens neither. */
    @Test
    void refusesBeforeItWritesWhatCannotRun() {
        HeadCase c = new HeadCase(arena, workers, 10, 9, 4);
        c.targets.set(3, c.options.ignoreIndex());
        c.dX.fill(9);
        int[] before = Numbers.bits(c.dX);
        Workers team = new Workers(2);
        LinearCrossEntropy head = c.head(team);
        team.close();
        assertThrows(IllegalStateException.class, () -> head.run(c.inputs(), c.outputs()));
        Arena doomed = Arena.ofShared();
        LinearCrossEntropy gone = new LinearCrossEntropy(doomed, workers, 10, 9, 4, c.options);
        doomed.close();
        String message = assertThrows(IllegalStateException.class, () -> gone.run(c.inputs(), c.outputs()))
                .getMessage();
        assertEquals("the head's scratch memory belongs to an arena that is closed", message);
        Thread.currentThread().interrupt();
        LinearCrossEntropy sound = c.head(workers);
        assertThrows(CancellationException.class, () -> sound.run(c.inputs(), c.outputs()));
        assertTrue(Thread.interrupted());
        assertArrayEquals(before, Numbers.bits(c.dX));
        sound.run(c.inputs(), c.outputs());
        assertEquals(0, c.dX.get(3, 0));
    }

    @Test
    void aCallFromATaskOfItsWorkersIsRefusedBeforeItWrites() {
        HeadCase c = new HeadCase(arena, workers, 10, 9, 4);
        c.targets.set(3, c.options.ignoreIndex());
        c.dX.fill(9);
        int[] before = Numbers.bits(c.dX);
        LinearCrossEntropy head = c.head(workers);
        String message = assertThrows(
                        IllegalStateException.class,
                        () -> workers.run(1, (index, worker) -> head.run(c.inputs(), c.outputs())))
                .getMessage();
        assertEquals("a task must not run the team that does it", message);
        assertArrayEquals(before, Numbers.bits(c.dX));
    }

    /** Of finite logits, but beyond all numbers. */
    @Test
    void aLossThatIsNotFiniteIsNoResult() {
        int vocabulary = 190;
        Matrix ones = Matrix.allocate(arena, vocabulary, 1);
        ones.fill(1);
        Matrix heavy = Matrix.allocate(arena, 1, vocabulary);
        heavy.fill(2e37f);
        LinearCrossEntropy smoothing =
                new LinearCrossEntropy(arena, workers, 1, vocabulary, 1, HeadOptions.DEFAULT.withLabelSmoothing(0.1));
        HeadInputs weighted =
                HeadInputs.of(Matrix.of(arena, 1, 1, 3), ones, Ints.of(0)).withClassWeights(heavy);
        String message = assertThrows(ArithmeticException.class, () -> smoothing.run(weighted, HeadOutputs.NONE))
                .getMessage();
        assertTrue(message.startsWith("token 0 has finite logits, but its loss is not"), message);
    }

    /** The largest number of tokens that there can be is planned as one chunk, not as none. */
    @Test
    void aFusedHeadOfAnyNumberOfTokensHasOneChunk() {
        HeadOptions options = HeadOptions.DEFAULT.withFusedUpdate(true).withScratchBytes(Long.MAX_VALUE);
        for (int tokens : new int[] {1, 256, 257, 1 << 20, Integer.MAX_VALUE - 255, Integer.MAX_VALUE}) {
            int capacity = new HeadPlan(2, tokens, 10, 2, options).capacity;
            assertTrue(capacity >= Math.min(tokens, Integer.MAX_VALUE - 255), () -> tokens + " in " + capacity);
        }
    }

    @Test
    void aSecondCallIsRefusedWhileOneIsUnderWay() throws Exception {
        HeadCase c = new HeadCase(arena, workers, 300, 3000, 64);
        double loss = c.run();
        LinearCrossEntropy head = c.head(workers);
        AtomicInteger done = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        Thread[] threads = new Thread[4];
        HeadInputs inputs = c.inputs();
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.ofPlatform().start(() -> {
                for (int n = 0; n < 30; n++) {
                    try {
                        if (head.run(inputs, HeadOutputs.NONE).tokens() == 300) {
                            done.incrementAndGet();
                        }
                    } catch (IllegalStateException e) {
                        refused.addAndGet(e.getMessage().startsWith("this head takes one call at a time") ? 1 : 1000);
                    }
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(120, done.get() + refused.get());
        assertTrue(refused.get() > 0);
        assertEquals(loss, head.run(c.inputs(), c.outputs()).loss());
    }

    @Test
    void whatAnArenaHadNoRoomForIsAskedForAgain() {
        HeadCase c = new HeadCase(arena, workers, 30, 40, 5);
        double loss = c.run();
        int[][] bits = c.bits();
        CountingArena counting = new CountingArena();
        LinearCrossEntropy head = new LinearCrossEntropy(counting, workers, 30, 40, 5, c.options);
        for (int allowed = 0; ; allowed++) {
            counting.allow(allowed);
            try {
                assertEquals(loss, head.run(c.inputs(), c.outputs()).loss());
                assertTrue(allowed > 3);
                break;
            } catch (OutOfMemoryError e) {
                assertEquals("refused", e.getMessage());
            }
        }
        assertArrayEquals(bits, c.bits());
        counting.close();
    }

    private static void refused(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }
}
