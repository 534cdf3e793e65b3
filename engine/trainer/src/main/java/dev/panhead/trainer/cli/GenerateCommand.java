package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.model.LanguageModel;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: text from a model. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = "Continues a prompt byte by byte.",
        footer = {"", "Example: panhead generate --model model --prompt \"In the beginning\" --temperature 0.7"})
final class GenerateCommand implements Callable<Integer> {

    @Mixin
    private ModelOption model;

    @Option(
            names = "--prompt",
            paramLabel = "TEXT",
            description = "What to continue; by default, the beginning of a line.",
            defaultValue = "\n",
            showDefaultValue = Help.Visibility.NEVER)
    private String prompt;

    @Option(names = "--bytes", paramLabel = "N", description = "How many bytes to add.", defaultValue = "300")
    private int bytes;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "1 draws as the model says, less plays safe, 0 takes the likeliest byte.",
            defaultValue = "0.8")
    private double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Draw from the K likeliest bytes only; 0 for all.",
            defaultValue = "0")
    private int topK;

    @Option(names = "--seed", paramLabel = "K", description = "The same seed gives the same text.", defaultValue = "1")
    private long seed;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        require(temperature >= 0 && temperature < 1000, "--temperature must be from 0 to 1000, but is " + temperature);
        require(topK >= 0, "--top-k must be at least 0, but is " + topK);
        require(bytes >= 0, "--bytes must be at least 0, but is " + bytes);
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            LanguageModel loaded = model.load(arena, workers, 1);
            byte[] start = prompt.getBytes(StandardCharsets.UTF_8);
            System.out.write(start);
            new Generator(arena, workers, loaded, temperature, topK, seed).generate(start, bytes, b -> {
                System.out.write(b);
                System.out.flush();
            });
            System.out.println();
        }
        return 0;
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new UsageException(message);
        }
    }
}
