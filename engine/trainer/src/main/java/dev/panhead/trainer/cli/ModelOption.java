package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
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

    LanguageModel load(Arena arena, Workers workers, int maxTokens) throws IOException {
        return ModelFolder.load(folder, arena, workers, maxTokens);
    }
}
