package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.loop.Checkpoints;
import dev.panhead.trainer.model.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option for the model to use. */
final class ModelOption {

    @Option(
            names = "--model",
            paramLabel = "FOLDER",
            defaultValue = "panhead-model",
            description = "The model, as train wrote it.",
            showDefaultValue = picocli.CommandLine.Help.Visibility.ALWAYS)
    private Path folder;

    Path folder() {
        return folder;
    }

    ModelFolder.Loaded load(Arena arena, Workers workers, int maxTokens) throws IOException {
        if (!ModelFolder.exists(folder) && Files.isDirectory(folder.resolve(Checkpoints.FOLDER))) {
            throw new IOException(
                    folder + " holds the state of an unfinished training, and no model yet: the same train command"
                            + " with --resume goes on with it");
        }
        return ModelFolder.load(folder, arena, workers, maxTokens);
    }

    /** A model that knows text: one with an encoder. */
    ModelFolder.Loaded loadForText(Arena arena, Workers workers, int maxTokens) throws IOException {
        ModelFolder.Loaded loaded = load(arena, workers, maxTokens);
        if (loaded.tokenizer() == null) {
            throw new UsageException(
                    "the model in " + folder + " is a head without an encoder: it knows hidden states, not text");
        }
        return loaded;
    }
}
