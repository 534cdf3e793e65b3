package dev.panhead.trainer.report;

import java.io.IOException;

/** Who wants to know how a training goes. */
public interface Listener {

    /** A step is done. */
    void step(Status status) throws IOException;

    /** A part of the held-out text was evaluated. */
    void evaluated(Status status, Evaluation heldOut) throws IOException;
}
