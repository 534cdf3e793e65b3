package dev.panhead.trainer.loop;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** What a training tells the JDK's flight recorder. An event costs next to nothing while nothing is recorded. */
final class TrainingEvents {

    private TrainingEvents() {}

    /** One step: forward, backward and update. */
    @Name("dev.panhead.Step")
    @Label("Training step")
    @Category("Panhead")
    @Description("Forward, backward and update of one step")
    @StackTrace(false)
    static final class Step extends Event {

        @Label("Step")
        long number;

        @Label("Tokens")
        long tokens;

        @Label("Loss")
        double loss;

        @Label("Learning rate")
        double learningRate;

        @Label("Gradient norm")
        double gradientNorm;
    }

    /** One look at what is held out. */
    @Name("dev.panhead.Evaluation")
    @Label("Evaluation")
    @Category("Panhead")
    @StackTrace(false)
    static final class Look extends Event {

        @Label("Step")
        long number;

        @Label("Tokens")
        long tokens;

        @Label("Held-out loss")
        double loss;
    }

    /** One checkpoint. */
    @Name("dev.panhead.Checkpoint")
    @Label("Checkpoint")
    @Category("Panhead")
    @StackTrace(false)
    static final class Save extends Event {

        @Label("Step")
        long number;

        @Label("File")
        String file;
    }
}
