package dev.panhead.exec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkersTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void runsEveryTaskOnce(int size) {
        try (Workers workers = new Workers(size)) {
            for (int count : new int[] {0, 1, 2, 5, 1000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(count);
                workers.run(count, (index, worker) -> {
                    assertTrue(worker >= 0 && worker < size);
                    runs.incrementAndGet(index);
                });
                for (int i = 0; i < count; i++) {
                    assertEquals(1, runs.get(i));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void failuresReachTheCallerAndTheTeamGoesOn(int size) {
        try (Workers workers = new Workers(size)) {
            for (int round = 0; round < 50; round++) {
                IllegalStateException failure = new IllegalStateException("task 13");
                assertSame(
                        failure,
                        assertThrows(
                                IllegalStateException.class,
                                () -> workers.run(100, (index, worker) -> {
                                    if (index == 13) {
                                        throw failure;
                                    }
                                })));
                runsEveryTask(workers);
            }
            assertThrows(
                    AssertionError.class,
                    () -> workers.run(3, (index, worker) -> {
                        throw new AssertionError();
                    }));
            runsEveryTask(workers);
        }
    }

    /** Languages without checked exceptions let them through. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void checkedExceptionsArriveAsTheyAre(int size) {
        try (Workers workers = new Workers(size)) {
            IOException failure = new IOException("disk full");
            Exception thrown = assertThrows(
                    Exception.class,
                    () -> workers.run(4, (index, worker) -> WorkersTest.<RuntimeException>sneak(failure)));
            assertSame(failure, thrown);
            runsEveryTask(workers);
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void interruptionEndsTheCall(int size) {
        try (Workers workers = new Workers(size)) {
            Thread.currentThread().interrupt();
            assertThrows(
                    CancellationException.class, () -> workers.run(100_000, (index, worker) -> Thread.onSpinWait()));
            assertTrue(Thread.interrupted());
            runsEveryTask(workers);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void whatRunsToItsEndIsInterruptedBeforeOrNotAtAll(int size) {
        try (Workers workers = new Workers(size)) {
            Thread caller = Thread.currentThread();
            AtomicInteger done = new AtomicInteger();
            workers.runToEnd(1000, (index, worker) -> {
                if (index == 10) {
                    caller.interrupt();
                }
                done.incrementAndGet();
            });
            assertEquals(1000, done.get());
            assertTrue(caller.isInterrupted());
            assertThrows(
                    CancellationException.class,
                    () -> workers.runToEnd(1000, (index, worker) -> done.incrementAndGet()));
            assertEquals(1000, done.get());
            assertTrue(Thread.interrupted());
            runsEveryTask(workers);
        }
    }

    @Test
    void closesOnceAndForAll() {
        Workers workers = new Workers(3);
        workers.close();
        workers.close();
        assertThrows(IllegalStateException.class, () -> workers.run(1, (index, worker) -> {}));
        assertThrows(IllegalArgumentException.class, () -> new Workers(0));
        assertThrows(IllegalArgumentException.class, () -> workers.run(-1, (index, worker) -> {}));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void aTaskMayNotUseItsOwnTeam(int size) {
        Workers workers = new Workers(size);
        for (Workers.Task task :
                new Workers.Task[] {(index, worker) -> runsEveryTask(workers), (index, worker) -> workers.close()}) {
            String message = assertThrows(IllegalStateException.class, () -> workers.run(5, task))
                    .getMessage();
            assertTrue(message.startsWith("a task must not "), message);
            runsEveryTask(workers);
        }
        workers.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"no", "Already closed"})
    void anInterruptionDuringATaskThatFailsIsKept(String message) {
        try (Workers workers = new Workers(1)) {
            assertThrows(
                    IllegalStateException.class,
                    () -> workers.run(1, (index, worker) -> {
                        Thread.currentThread().interrupt();
                        throw new IllegalStateException(message);
                    }));
            assertTrue(Thread.interrupted());
        }
    }

    @Test
    void refusesMemoryThatOtherThreadsMayNotTouch() {
        try (Arena arena = Arena.ofConfined();
                Workers one = new Workers(1);
                Workers two = new Workers(2)) {
            one.requireReadable("weight", arena.allocate(4));
            String message = assertThrows(
                            IllegalArgumentException.class, () -> two.requireReadable("weight", arena.allocate(4)))
                    .getMessage();
            assertTrue(message.startsWith("weight belongs to a confined arena"), message);
        }
    }

    @Test
    void runningAllocatesNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        Workers.Task task = (index, worker) -> {};
        try (Workers workers = new Workers(2)) {
            for (int i = 0; i < 20_000; i++) {
                workers.run(3, task);
            }
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 1000; i++) {
                workers.run(3, task);
            }
            assertEquals(0, (threads.getCurrentThreadAllocatedBytes() - before) / 1000);
        }
    }

    private static void runsEveryTask(Workers workers) {
        AtomicIntegerArray runs = new AtomicIntegerArray(20);
        workers.run(20, (index, worker) -> runs.incrementAndGet(index));
        for (int i = 0; i < 20; i++) {
            assertEquals(1, runs.get(i));
        }
    }
}
