package dev.panhead.trainer.cli;

import dev.panhead.trainer.loop.Checkpoints;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The options for saving a training's state and going on from it. */
@SectionedHelp.Section("Checkpoints")
final class CheckpointOptions {

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N",
            description = "Steps between two checkpoints; 0 for one at each look.")
    private long every;

    @Option(names = "--keep", paramLabel = "K", description = "Checkpoints that are kept.")
    private int keep = 2;

    @Option(
            names = "--resume",
            description = {
                "Go on where an interrupted training with the same options stopped, or begin if there is none.",
                "The result is that of a training without interruption, to the bit, if --steps or --epochs is given."
            })
    private boolean resume;

    @Option(
            names = "--allow-changes",
            description = "With --resume: go on with other steps, rates, decay, clipping or smoothing than before.")
    private boolean allowChanges;

    boolean allowChanges() {
        return allowChanges;
    }

    boolean resume() {
        return resume;
    }

    Checkpoints in(Path out) {
        return new Checkpoints(out.resolve(Checkpoints.FOLDER), every, keep);
    }
}
