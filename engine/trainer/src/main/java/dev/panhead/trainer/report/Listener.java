package dev.panhead.trainer.report;

import java.io.IOException;
import java.nio.file.Path;

/** Who wants to know how a training goes. */
public interface Listener {

    /** A step is done. */
    void step(Status status) throws IOException;

    /**
     * Tokens that are held out were evaluated.
     *
     * @param whole whether all of them were
     */
    void evaluated(Status status, Evaluation heldOut, boolean whole) throws IOException;

    /** The training's state was saved. */
    default void saved(Status status, Path file, double seconds) throws IOException {}

    /**
     * The engine's results for some tokens were compared with those of an independent computation.
     *
     * @param tokens how many
     * @param error the largest relative error
     * @param bound what it may be
     */
    default void audited(Status status, int tokens, double error, double bound) throws IOException {}
}
