package dev.panhead.exec;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A fixed team of threads that share out numbered tasks.
 *
 * <p>The calling thread works as worker 0 beside {@code size - 1} daemon threads. Tasks are claimed in ascending order by
 * whichever worker is free, so the work balances itself; each task must write only what no other task reads or writes, so that
 * who runs it cannot show in a result. Running allocates nothing.
 *
 * <p>One call of {@link #run} at a time: further callers wait for their turn. A task must not call {@code run} on its own
 * team. Between calls the threads spin for a moment, then sleep.
 */
public final class Workers implements AutoCloseable {

    /** Work that comes in numbered pieces. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does one piece.
         *
         * @param index which piece, from 0 to the number of pieces
         * @param worker who does it, from 0 to {@link Workers#size()}: two pieces of one worker never run at the same time
         */
        void run(int index, int worker);
    }

    private static final int SPINS = 20_000;

    /** What the JDK says of an access to memory of a closed arena. */
    private static final String CLOSED_ARENA = "Already closed";

    private final Thread[] threads;
    private final ReentrantLock turn = new ReentrantLock();
    private final AtomicInteger nextIndex = new AtomicInteger();
    private final AtomicInteger unfinished = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private Task task;
    private int count;
    private Thread caller;
    private volatile int round;
    private volatile boolean closed;

    /**
     * Starts a team.
     *
     * @param size number of workers, the calling thread included
     * @throws IllegalArgumentException if {@code size} is less than 1
     */
    public Workers(int size) {
        if (size < 1) {
            throw new IllegalArgumentException("a team has at least 1 worker, but " + size + " were asked for");
        }
        threads = new Thread[size - 1];
        for (int i = 0; i < threads.length; i++) {
            int worker = i + 1;
            threads[i] = Thread.ofPlatform()
                    .daemon()
                    .inheritInheritableThreadLocals(false)
                    .name("panhead-worker-" + worker)
                    .start(() -> serve(worker));
        }
    }

    /** Starts a team of as many workers as there are processors available. */
    public Workers() {
        this(Runtime.getRuntime().availableProcessors());
    }

    /** Number of workers, the calling thread included. */
    public int size() {
        return threads.length + 1;
    }

    /**
     * Runs {@code task} for every index from 0 to {@code count}, and returns when all have ended.
     *
     * <p>If a task fails, no further ones are begun, the ones under way end, and the first failure is thrown here as it was
     * thrown there. If the calling thread is interrupted, no further tasks are begun either and the call ends with a
     * {@link CancellationException}; the thread's interrupt flag stays set.
     *
     * @throws IllegalStateException if the team is closed, or a task of this team calls
     */
    public void run(int count, Task task) {
        requireOutside("run");
        turn.lock();
        try {
            requireOpen();
            this.task = task;
            this.count = count;
            caller = Thread.currentThread();
            nextIndex.set(0);
            if (threads.length > 0 && count > 1) {
                unfinished.set(threads.length);
                round++; // publishes the fields above
                for (Thread thread : threads) {
                    LockSupport.unpark(thread);
                }
                work(0);
                awaitOthers();
            } else {
                work(0);
            }
            this.task = null;
            Throwable thrown = failure.getAndSet(null);
            if (thrown != null) {
                throw Workers.<RuntimeException>rethrown(thrown);
            }
        } finally {
            turn.unlock();
        }
    }

    /**
     * Checks that every worker may read a segment.
     *
     * @param name what to call the segment in the message
     * @throws IllegalArgumentException if it belongs to a confined arena and the team has other threads than the owner
     * @throws IllegalStateException if its arena is closed
     */
    public void requireReadable(String name, MemorySegment segment) {
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException(name + " belongs to an arena that is closed");
        }
        for (Thread thread : threads) {
            if (!segment.isAccessibleBy(thread)) {
                throw confined(name);
            }
        }
        if (!segment.isAccessibleBy(Thread.currentThread())) {
            throw confined(name);
        }
    }

    /**
     * Checks that every worker may read and write a segment.
     *
     * @param name what to call the segment in the message
     * @throws IllegalArgumentException if it is read-only, or {@link #requireReadable} finds it so
     * @throws IllegalStateException if its arena is closed
     */
    public void requireWritable(String name, MemorySegment segment) {
        requireReadable(name, segment);
        if (segment.isReadOnly()) {
            throw new IllegalArgumentException(name + " is to be written, but its memory is read-only");
        }
    }

    private IllegalArgumentException confined(String name) {
        return new IllegalArgumentException(
                name + " belongs to a confined arena, whose memory only the thread that opened" + " it may touch, but "
                        + size() + " workers are to use it: allocate it from Arena.ofShared()");
    }

    /**
     * Ends the threads, after the call that may be running. Closing twice does nothing.
     *
     * @throws IllegalStateException if a task of this team calls
     */
    @Override
    public void close() {
        requireOutside("close");
        turn.lock();
        try {
            closed = true;
            for (Thread thread : threads) {
                LockSupport.unpark(thread);
            }
        } finally {
            turn.unlock();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** A task that waited for its own team would wait for ever. */
    private void requireOutside(String what) {
        boolean inside = turn.isHeldByCurrentThread();
        for (Thread thread : threads) {
            inside |= thread == Thread.currentThread();
        }
        if (inside) {
            throw new IllegalStateException("a task must not " + what + " the team that does it");
        }
    }

    /**
     * Checks that a call may begin.
     *
     * @throws IllegalStateException if the team is closed
     */
    public void requireOpen() {
        if (closed) {
            throw new IllegalStateException("these workers are closed");
        }
    }

    private void serve(int worker) {
        int seen = 0;
        while (true) {
            for (int spin = 0; round == seen && !closed && spin < SPINS; spin++) {
                Thread.onSpinWait();
            }
            while (round == seen && !closed) {
                LockSupport.park(this);
                Thread.interrupted(); // an interrupted thread does not park
            }
            if (round == seen) {
                return;
            }
            seen++;
            work(worker);
            if (unfinished.decrementAndGet() == 0) {
                LockSupport.unpark(caller);
            }
        }
    }

    private void work(int worker) {
        try {
            int index;
            while ((index = nextIndex.getAndIncrement()) < count && failure.get() == null) {
                if (worker == 0 && Thread.currentThread().isInterrupted()) {
                    throw new CancellationException(
                            "interrupted after " + index + " of " + count + " tasks were begun");
                }
                task.run(index, worker);
            }
        } catch (CancellationException e) {
            failure.compareAndSet(null, e);
        } catch (IllegalStateException e) {
            if (CLOSED_ARENA.equals(e.getMessage())) {
                Thread.interrupted(); // set by HotSpot in a thread whose shared arena is closed under it
            }
            failure.compareAndSet(null, e);
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }

    private void awaitOthers() {
        for (int spin = 0; unfinished.get() != 0 && spin < SPINS; spin++) {
            Thread.onSpinWait();
        }
        boolean interrupted = false;
        while (unfinished.get() != 0) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted(); // an interrupted thread does not park
        }
        if (interrupted) {
            failure.compareAndSet(null, new CancellationException("interrupted while waiting for the other workers"));
            Thread.currentThread().interrupt();
        }
    }

    /** Throws what a task threw, be it a checked exception that its language let through. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException rethrown(Throwable thrown) throws T {
        throw (T) thrown;
    }
}
