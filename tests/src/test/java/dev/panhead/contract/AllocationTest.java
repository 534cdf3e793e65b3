package dev.panhead.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.panhead.blas.Gemm;
import dev.panhead.blas.Gemm.Op;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.HeadOutputs;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.head.LogSoftmax;
import dev.panhead.head.SoftTargets;
import dev.panhead.math.Elementwise;
import dev.panhead.math.Rows;
import dev.panhead.optim.AdamW;
import dev.panhead.optim.GradientNorm;
import dev.panhead.optim.Sgd;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What surrounds the head allocates nothing on the heap either, once the compiler is done. */
class AllocationTest {

    private static final int ROWS = 150;
    private static final int COLUMNS = 70;

    /** Bytes on this thread's heap for some calls, once they are none; or after a minute, which is long enough for the compiler. */
    private static long allocatedAtLast(int calls, Runnable call) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = Long.MAX_VALUE;
        long end = System.nanoTime() + 60_000_000_000L;
        while (allocated > 0 && System.nanoTime() < end) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < calls; i++) {
                call.run();
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        return allocated;
    }

    @Test
    void aStepOfAnEncoderAndItsOptimizersAllocatesNothing() {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(1)) {
            Numbers numbers = new Numbers(1);
            Matrix x = numbers.matrix(arena, ROWS, COLUMNS, 1);
            Matrix y = Matrix.allocate(arena, ROWS, COLUMNS);
            Matrix few = x.rows(0, 5);
            Matrix one = x.rows(0, 1);
            HalfMatrix halves = HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, x);
            Matrix fewProducts = Matrix.allocate(arena, 5, ROWS);
            Matrix oneProduct = Matrix.allocate(arena, 1, ROWS);
            Matrix square = Matrix.allocate(arena, COLUMNS, COLUMNS);
            Matrix row = Matrix.allocate(arena, 1, COLUMNS);
            Matrix velocity = Matrix.allocate(arena, ROWS, COLUMNS);
            Ints indices = numbers.targets(ROWS, ROWS);
            AdamW.Moments moments = AdamW.Moments.allocate(arena, ROWS, COLUMNS);
            Gemm gemm = new Gemm(arena, workers);
            Elementwise elementwise = new Elementwise(workers);
            Rows rows = new Rows(workers);
            LogSoftmax softmax = new LogSoftmax(workers);
            AdamW adamW = new AdamW(workers, 0.9, 0.95, 1e-8, 0.1);
            Sgd sgd = new Sgd(workers, 0.9, false, 0);
            GradientNorm norm = new GradientNorm(workers);
            Matrix[] gradients = {y};
            assertEquals(0, allocatedAtLast(100, () -> {
                gemm.multiply(Op.TRANSPOSE, x, Op.NONE, x, square);
                gemm.multiply(0.01f, Op.NONE, x, Op.TRANSPOSE, square, 0.5f, y);
                gemm.multiply(Op.NONE, few, Op.TRANSPOSE, x, fewProducts);
                gemm.multiply(Op.NONE, few, Op.TRANSPOSE, halves, fewProducts);
                gemm.multiply(Op.NONE, one, Op.TRANSPOSE, halves, oneProduct);
                rows.gather(x, indices, y);
                rows.addRow(row, y);
                rows.columnSums(y, row, false);
                rows.scatterAdd(x, indices, y);
                elementwise.gelu(x, y);
                elementwise.geluGradient(x, y, y);
                elementwise.exp(x, y);
                elementwise.log(y, y);
                softmax.values(x, y);
                softmax.gradient(y, x, y);
                adamW.update(x, y, moments, 1, 1e-9, GradientNorm.clipScale(norm.of(gradients), 1));
                sgd.update(x, y, velocity, 1e-9, 1);
            }));
        }
    }

    /** Of few long rows: what is called seldom for each must not be inlined before it has a profile. */
    @Test
    void decodingAllocatesNothing() {
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            Numbers numbers = new Numbers(2);
            Matrix hidden = numbers.matrix(arena, 4, 256, 1);
            Matrix weight = numbers.matrix(arena, 50_257, 256, 1);
            Matrix logits = Matrix.allocate(arena, 4, 50_257);
            Gemm gemm = new Gemm(arena, workers);
            LogSoftmax softmax = new LogSoftmax(workers);
            assertEquals(0, allocatedAtLast(50, () -> {
                gemm.multiply(Op.NONE, hidden, Op.TRANSPOSE, weight, logits);
                softmax.values(logits, logits);
            }));
        }
    }

    /**
     * In a process of its own, which has done nothing else: what C2 inlines hangs on the profiles that it finds, and a test's are fuller than
     * a program's.
     */
    @Test
    void aProgramThatOnlyMultipliesAllocatesNothing() throws IOException, InterruptedException {
        assertEquals("0", printedBy(Product.class));
    }

    /** The other one leaves profiles that made C2 keep some of the exponentials' vectors on the heap, in two processes of six. */
    @Test
    void aHeadAllocatesNothingAfterOneOfAnotherKind() throws IOException, InterruptedException {
        assertEquals("0", printedBy(SecondHead.class));
    }

    private static String printedBy(Class<?> program) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-cp",
                        System.getProperty("java.class.path"),
                        program.getName())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        return printed.strip();
    }

    /** Prints how many bytes on the heap five products take at last. */
    static final class Product {

        public static void main(String[] args) {
            try (Arena arena = Arena.ofShared();
                    Workers workers = new Workers(1)) {
                Matrix a = Matrix.allocate(arena, 1024, 768);
                Matrix b = Matrix.allocate(arena, 4096, 768);
                Matrix c = Matrix.allocate(arena, 1024, 4096);
                Gemm gemm = new Gemm(arena, workers);
                System.out.println(allocatedAtLast(5, () -> gemm.multiply(Op.NONE, a, Op.TRANSPOSE, b, c)));
            }
        }
    }

    /** Prints how many bytes on the heap a hundred steps take at last. */
    static final class SecondHead {

        public static void main(String[] args) {
            try (Arena arena = Arena.ofShared();
                    Workers seven = new Workers(7);
                    Workers one = new Workers(1)) {
                Numbers numbers = new Numbers(3);
                HeadOptions options = HeadOptions.DEFAULT.withSoftcap(5).withSoftTargets(SoftTargets.of(3));
                Ints rows = Ints.allocate(arena, 3 * 257);
                for (int i = 0; i < rows.size(); i++) {
                    rows.set(i, i % 3);
                }
                Matrix probabilities = Matrix.allocate(arena, 257, 3);
                probabilities.fill(0.2f);
                step(arena, seven, numbers, options, 257, 3300, 1, rows, probabilities)
                        .run();
                Runnable step = step(arena, one, numbers, HeadOptions.DEFAULT, 300, 1000, 20, null, null);
                System.out.println(allocatedAtLast(100, step));
            }
        }

        private static Runnable step(
                Arena arena,
                Workers workers,
                Numbers numbers,
                HeadOptions options,
                int tokens,
                int vocabulary,
                int width,
                Ints rows,
                Matrix probabilities) {
            HalfMatrix weight =
                    HalfMatrix.of(arena, HalfMatrix.Format.FLOAT16, numbers.matrix(arena, vocabulary, width, 0.5f));
            HeadInputs inputs =
                    HeadInputs.of(numbers.matrix(arena, tokens, width, 1), weight, numbers.targets(tokens, vocabulary));
            HeadInputs all = rows == null ? inputs : inputs.withSoftTargets(rows, probabilities);
            HeadOutputs outputs = HeadOutputs.gradients(
                            Matrix.allocate(arena, tokens, width), Matrix.allocate(arena, vocabulary, width))
                    .withBias(HeadOutputs.Gradient.write(Matrix.allocate(arena, 1, vocabulary)))
                    .withEntropies(Matrix.allocate(arena, 1, tokens));
            LinearCrossEntropy head = new LinearCrossEntropy(arena, workers, tokens, vocabulary, width, options);
            return () -> head.run(all, outputs);
        }
    }
}
