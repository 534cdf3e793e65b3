package dev.panhead.exec;

import java.util.concurrent.atomic.AtomicReference;

/**
 * Holds an object that takes one call at a time to it: a second one, from whatever thread, is refused instead of spoiling the first.
 * Costs a compare-and-set a call, and allocates nothing.
 */
public final class OneCall {

    private final String name;
    private final AtomicReference<Thread> caller = new AtomicReference<>();

    /**
     * For one object.
     *
     * @param name what to call it in the message: "this head", say
     */
    public OneCall(String name) {
        this.name = name;
    }

    /**
     * Begins a call; {@link #end} is to follow, whatever happens in it.
     *
     * @throws IllegalStateException if one is under way
     */
    public void begin() {
        Thread other = caller.compareAndExchange(null, Thread.currentThread());
        if (other != null) {
            throw new IllegalStateException(
                    name + " takes one call at a time, and is in one of thread " + other.getName());
        }
    }

    /** Ends the call. */
    public void end() {
        caller.set(null);
    }
}
