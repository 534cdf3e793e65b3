package dev.panhead.trainer.cli;

import java.util.concurrent.CountDownLatch;

/**
 * The wish to end a training early, by a signal or because nobody reads its output any more. The process ends when all is saved and
 * said.
 */
final class Interruption {

    private final CountDownLatch done = new CountDownLatch(1);
    private volatile boolean wished;
    private volatile int exit;

    /** Takes signals from now on. */
    void listen() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            wish();
            try {
                done.await(); // not the main thread's own end, for it may be waiting in exit for this hook
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            if (exit == Main.FAILURE) {
                Runtime.getRuntime().halt(exit); // else the signal would be the reason of the end
            }
        }));
    }

    void wish() {
        wished = true;
    }

    boolean isWished() {
        return wished;
    }

    /** All is saved, and errors are reported: the process may end, with this code unless a signal has another. */
    void done(int exit) {
        this.exit = exit;
        done.countDown();
    }
}
