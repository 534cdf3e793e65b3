package dev.panhead.trainer.cli;

import java.util.concurrent.CountDownLatch;

/** The wish to end a training early, by a signal or because nobody reads its output any more; the process ends when all is saved. */
final class Interruption implements AutoCloseable {

    private final CountDownLatch saved = new CountDownLatch(1);
    private volatile boolean wished;

    /** Takes signals from now on. */
    void listen() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            wish();
            try {
                saved.await(); // not the main thread's own end, for it may be waiting in exit for this hook
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
    }

    void wish() {
        wished = true;
    }

    boolean isWished() {
        return wished;
    }

    /** All is saved: the process may end. */
    @Override
    public void close() {
        saved.countDown();
    }
}
