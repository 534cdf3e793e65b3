package dev.panhead.exec;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
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
 * team. Between calls the threads spin for a moment, then sleep. A thread that wakes when all tasks have been begun, because other programs keep the
 * processors busy, is not waited for.
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

    /** Bits of {@link #round}: nobody joins any more; and above those that count threads, the round's number. */
    private static final long OVER = 1L << 31;

    private static final int NUMBER = Integer.SIZE;

    /** What the JDK says of an access to memory of a closed arena. */
    private static final String CLOSED_ARENA = "Already closed";

    private final Thread[] threads;
    private final ReentrantLock turn = new ReentrantLock();
    private final AtomicLong nextIndex = new AtomicLong();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    /** Which round it is, whether it is {@link #OVER}, and how many threads are at work in it beside the caller's. */
    private final AtomicLong round = new AtomicLong(OVER);

    private Task task;
    private int count;
    private boolean toEnd;
    private Thread caller;
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
     * {@link CancellationException}, which is an IllegalStateException: whoever treats them differently catches it first. The thread's interrupt flag stays set.
     * HotSpot sets it, too, in a thread under whose access a shared arena is closed: the failure that the closed arena is may leave it set, for nobody can tell it from an interruption.
     *
     * @throws IllegalArgumentException if the count is negative
     * @throws IllegalStateException if the team is closed, or a task of this team calls
     */
    public void run(int count, Task task) {
        run(count, task, false);
    }

    /**
     * The same for what is short and must not be left half done, as updates in place: an interruption ends the call before its first task or not at all.
     *
     * @throws CancellationException if the calling thread is interrupted; nothing has been begun then
     * @throws IllegalArgumentException if the count is negative
     * @throws IllegalStateException if the team is closed, or a task of this team calls
     */
    public void runToEnd(int count, Task task) {
        run(count, task, true);
    }

    private void run(int count, Task task, boolean toEnd) {
        if (count < 0) {
            throw new IllegalArgumentException("count must be at least 0, but is " + count);
        }
        requireOutside("run");
        turn.lock();
        try {
            requireOpen();
            if (toEnd && count > 0 && Thread.currentThread().isInterrupted()) {
                throw new CancellationException("interrupted before the first of " + count + " tasks was begun");
            }
            this.task = task;
            this.count = count;
            this.toEnd = toEnd;
            caller = Thread.currentThread();
            nextIndex.set(0);
            if (threads.length > 0 && count > 1) {
                round.set(((round.get() >>> NUMBER) + 1) << NUMBER); // publishes the fields above
                for (Thread thread : threads) {
                    LockSupport.unpark(thread);
                }
                work(0);
                round.addAndGet(OVER); // nothing is left to begin: a thread that comes now is not waited for
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
        return new IllegalArgumentException(name
                + " belongs to a confined arena, whose memory only the thread that opened it may touch, but "
                + (size() == 1 ? "another thread is" : size() + " workers are")
                + " to use it: allocate it from Arena.ofShared()");
    }

    /**
     * Ends the threads, after the {@link #run} that may be under way. What takes several of those, a head's call for one, then fails in its midst,
     * as by an interruption. Closing twice does nothing.
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
     * @throws IllegalStateException if the team is closed, or a task of this team calls
     */
    public void requireReady() {
        requireOutside("run");
        requireOpen();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("these workers are closed");
        }
    }

    private void serve(int worker) {
        int seen = 0;
        while (true) {
            for (int spin = 0; number() == seen && !closed && spin < SPINS; spin++) {
                Thread.onSpinWait();
            }
            while (number() == seen && !closed) {
                LockSupport.park(this);
                Thread.interrupted(); // an interrupted thread does not park
            }
            int now = number();
            if (now == seen) {
                return;
            }
            seen = now;
            if (join(now)) {
                work(worker);
                leave();
            }
        }
    }

    private int number() {
        return (int) (round.get() >>> NUMBER);
    }

    /** Whether a round, unless it is over, now counts one more thread. From then on its task stays what it is until the thread leaves. */
    private boolean join(int number) {
        while (true) {
            long now = round.get();
            if ((int) (now >>> NUMBER) != number || isOver(now)) {
                return false;
            }
            if (round.compareAndSet(now, now + 1)) {
                return true;
            }
        }
    }

    private void leave() {
        Thread waiting = caller;
        long now = round.decrementAndGet();
        if (isOver(now) && !isBusy(now)) {
            LockSupport.unpark(waiting);
        }
    }

    private static boolean isOver(long round) {
        return (round & OVER) != 0;
    }

    private static boolean isBusy(long round) {
        return (round & OVER - 1) != 0;
    }

    private void work(int worker) {
        try {
            long index; // int would count on from its largest to its least
            while ((index = nextIndex.getAndIncrement()) < count && failure.get() == null) {
                if (worker == 0 && !toEnd && Thread.currentThread().isInterrupted()) {
                    throw new CancellationException(
                            "interrupted after " + index + " of " + count + " tasks were begun");
                }
                task.run((int) index, worker);
            }
        } catch (CancellationException e) {
            failure.compareAndSet(null, e);
        } catch (IllegalStateException e) {
            if (worker > 0 && CLOSED_ARENA.equals(e.getMessage())) {
                Thread.interrupted(); // HotSpot may set it where a shared arena is closed; the caller's may be meant
            }
            failure.compareAndSet(null, e);
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }

    private void awaitOthers() {
        for (int spin = 0; isBusy(round.get()) && spin < SPINS; spin++) {
            Thread.onSpinWait();
        }
        boolean interrupted = false;
        while (isBusy(round.get())) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted(); // an interrupted thread does not park
        }
        if (interrupted) {
            if (!toEnd) {
                failure.compareAndSet(
                        null, new CancellationException("interrupted while waiting for the other workers"));
            }
            Thread.currentThread().interrupt();
        }
    }

    /** Throws what a task threw, be it a checked exception that its language let through. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException rethrown(Throwable thrown) throws T {
        throw (T) thrown;
    }
}
