package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.optim.AdamW;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A head that outlives its callers' matrices must not be what keeps them, whatever it was asked for and however that ended. */
class HeadReferencesTest {

    private static final int TOKENS = 70;
    private static final int VOCABULARY = 900;
    private static final int WIDTH = 40;
    private static final int TOP = 5;

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

    /** Something that a head is asked for. */
    private enum Call {
        PLAIN(HeadOptions.DEFAULT),
        LEAN(HeadOptions.DEFAULT.withLean(true)),
        SHAPED(HeadOptions.DEFAULT.withSoftcap(30).withLabelSmoothing(0.1).withZLoss(1e-4)),
        UNBIASED(HeadOptions.DEFAULT.withGradientMode(GradientMode.unbiased())),
        DROPPING(HeadOptions.DEFAULT.withGradientMode(GradientMode.drop(0.1))) {
            @Override
            HeadOutputs outputs(Caller caller) {
                return super.outputs(caller).withTailMasses(caller.numbers(1, TOKENS));
            }
        },
        READING(HeadOptions.DEFAULT) {
            @Override
            HeadInputs inputs(Caller caller) {
                BitSet mask = caller.watch(new BitSet());
                mask.set(1, TOKENS);
                return super.inputs(caller)
                        .withBias(caller.numbers(1, VOCABULARY))
                        .withMask(mask)
                        .withTokenWeights(caller.numbers(1, TOKENS))
                        .withClassWeights(caller.numbers(1, VOCABULARY))
                        .withLogitScales(caller.numbers(1, TOKENS));
            }
        },
        WRITING(HeadOptions.DEFAULT.withTopK(TOP)) {
            @Override
            HeadOutputs outputs(Caller caller) {
                return super.outputs(caller)
                        .withLosses(caller.numbers(1, TOKENS))
                        .withLogProbabilities(caller.numbers(1, TOKENS))
                        .withLogSumExps(caller.numbers(1, TOKENS))
                        .withEntropies(caller.numbers(1, TOKENS))
                        .withPredictions(caller.ints(TOKENS))
                        .withRanks(caller.ints(TOKENS))
                        .withTopRows(caller.ints(TOP * TOKENS))
                        .withTopLogProbabilities(caller.numbers(TOKENS, TOP));
            }
        },
        UPSTREAM(HeadOptions.DEFAULT.withReduction(Reduction.NONE)) {
            @Override
            HeadInputs inputs(Caller caller) {
                return super.inputs(caller)
                        .withUpstream(caller.numbers(1, TOKENS))
                        .withLogProbabilityUpstream(caller.numbers(1, TOKENS))
                        .withEntropyUpstream(caller.numbers(1, TOKENS));
            }
        },
        TAUGHT(HeadOptions.DEFAULT.withSoftTargets(SoftTargets.of(1))) {
            @Override
            HeadInputs inputs(Caller caller) {
                return super.inputs(caller).withSoftTargets(caller.ints(TOKENS), caller.numbers(TOKENS, 1));
            }
        },
        HALVES(HeadOptions.DEFAULT) {
            @Override
            ReadableMatrix read(Caller caller, int rows, float number) {
                Matrix floats = (Matrix) super.read(caller, rows, number);
                return caller.watch(HalfMatrix.of(Arena.ofAuto(), HalfMatrix.Format.BFLOAT16, floats));
            }
        },
        FUSED(HeadOptions.DEFAULT.withFusedUpdate(true)) {
            @Override
            HeadOutputs outputs(Caller caller) {
                AdamW.Moments moments = caller.watch(AdamW.Moments.allocate(Arena.ofAuto(), VOCABULARY, WIDTH));
                AdamW.Slices slices = new AdamW(workers, 0.9, 0.95, 1e-8, 0).slices((Matrix) caller.weight, moments);
                slices.prepare(1, 1e-3);
                return HeadOutputs.NONE
                        .withHidden(Gradient.write(caller.numbers(TOKENS, WIDTH)))
                        .withWeightUpdate(caller.watch(slices));
            }
        };

        private final HeadOptions options;

        Call(HeadOptions options) {
            this.options = options;
        }

        ReadableMatrix read(Caller caller, int rows, float number) {
            Matrix matrix = caller.numbers(rows, WIDTH);
            matrix.fill(number);
            return matrix;
        }

        HeadInputs inputs(Caller caller) {
            caller.weight = read(caller, VOCABULARY, 0.5f);
            return HeadInputs.of(read(caller, TOKENS, caller.hidden), caller.weight, caller.ints(TOKENS));
        }

        HeadOutputs outputs(Caller caller) {
            return HeadOutputs.gradients(caller.numbers(TOKENS, WIDTH), caller.numbers(VOCABULARY, WIDTH))
                    .withBias(Gradient.write(caller.numbers(1, VOCABULARY)));
        }
    }

    /** Whoever calls a head; what it allocates is watched. */
    private static final class Caller {

        private final List<WeakReference<Object>> watched = new ArrayList<>();
        private final float hidden;
        private ReadableMatrix weight;

        Caller(float hidden) {
            this.hidden = hidden;
        }

        <T> T watch(T object) {
            watched.add(new WeakReference<>(object));
            return object;
        }

        Matrix numbers(int rows, int columns) {
            Matrix matrix = Matrix.allocate(Arena.ofAuto(), rows, columns);
            matrix.fill(0.5f);
            return watch(matrix);
        }

        Ints ints(int size) {
            return watch(Ints.of(new int[size]));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHeadKeepsNothingOfItsCallers(Call call) throws InterruptedException {
        LinearCrossEntropy head = new LinearCrossEntropy(arena, workers, TOKENS, VOCABULARY, WIDTH, call.options);
        assertGone(head, called(head, call, false));
        assertGone(head, called(head, call, true));
    }

    /** What a caller had for a call that comes to its end or, by logits that are not finite, to none. */
    private static List<WeakReference<Object>> called(LinearCrossEntropy head, Call call, boolean fails) {
        Caller caller = new Caller(fails ? Float.NaN : 0.5f);
        HeadInputs inputs = caller.watch(call.inputs(caller));
        HeadOutputs outputs = caller.watch(call.outputs(caller));
        if (fails) {
            assertThrows(NonFiniteLogitException.class, () -> head.run(inputs, outputs, 1));
        } else {
            head.run(inputs, outputs, 1);
        }
        return caller.watched;
    }

    private static void assertGone(LinearCrossEntropy head, List<WeakReference<Object>> watched)
            throws InterruptedException {
        for (WeakReference<Object> reference : watched) {
            long end = System.nanoTime() + 20_000_000_000L;
            while (reference.get() != null && System.nanoTime() < end) {
                System.gc();
                Thread.sleep(10);
            }
            assertNull(reference.get(), () -> "kept by " + head);
        }
    }

    /** Nor of one whose arena is closed while it is under way, in whichever pass. */
    @Test
    void aHeadKeepsNothingOfACallThatIsCutOff() throws InterruptedException {
        LinearCrossEntropy head = new LinearCrossEntropy(arena, workers, 600, 8000, 200, HeadOptions.DEFAULT);
        for (int i = 0; i < 5; i++) {
            assertGone(head, cutOff(head));
        }
    }

    private static List<WeakReference<Object>> cutOff(LinearCrossEntropy head) throws InterruptedException {
        Caller caller = new Caller(0);
        Arena doomed = Arena.ofShared();
        HeadInputs inputs = HeadInputs.of(
                caller.watch(Matrix.allocate(doomed, 600, 200)),
                caller.watch(Matrix.allocate(doomed, 8000, 200)),
                Ints.of(new int[600]));
        HeadOutputs outputs = HeadOutputs.gradients(
                caller.watch(Matrix.allocate(doomed, 600, 200)), caller.watch(Matrix.allocate(doomed, 8000, 200)));
        head.run(inputs, outputs);
        Thread closer = Thread.ofPlatform().start(() -> {
            LockSupport.parkNanos(20_000_000);
            doomed.close();
        });
        assertThrows(IllegalStateException.class, () -> {
            while (true) {
                head.run(inputs, outputs);
            }
        });
        closer.join();
        return caller.watched;
    }
}
