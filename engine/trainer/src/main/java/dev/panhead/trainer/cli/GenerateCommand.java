package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.ChatMl;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.model.ModelFolder;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code generate}: text from a model. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = "Continues a prompt token by token.",
        footer = {
            "",
            "Examples:",
            "  panhead generate --model model --prompt \"In the beginning\" --temperature 0.7",
            "  panhead generate --model talker --chat --prompt \"Who was Moses?\""
        })
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

    @Option(
            names = "--chat",
            description =
                    "The prompt is what a user says, and the model answers: for what was trained on --chat with messages.")
    private boolean chat;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description = "How many tokens to add: bytes, for a model of bytes.",
            defaultValue = "300")
    private int tokens;

    @Option(
            names = "--past-end",
            description = "Go on where the text, or the answer of a conversation, comes to its end.")
    private boolean pastEnd;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "1 draws as the model says, less plays safe, 0 takes the likeliest token.",
            defaultValue = "0.8")
    private double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Draw from the K likeliest tokens only; 0 for all.",
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
        require(tokens >= 0, "--tokens must be at least 0, but is " + tokens);
        require(!chat || !prompt.isBlank(), "--chat wants to know what the user says: --prompt");
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            ModelFolder.Loaded loaded = model.loadForText(arena, workers, 1);
            Tokenizer tokenizer = loaded.tokenizer();
            byte[] text = prompt.getBytes(StandardCharsets.UTF_8);
            int[] start = start(tokenizer, loaded.model().config().window().context());
            System.out.write(text, 0, chat ? 0 : text.length);
            new Generator(arena, workers, loaded.model(), temperature, topK, seed)
                    .generate(start, tokenizer.boundary(), ends(tokenizer), tokens, token -> {
                        byte[] said = tokenizer.bytes(token);
                        System.out.write(said, 0, said.length);
                        System.out.flush();
                    });
            System.out.println();
        }
        return 0;
    }

    private int[] start(Tokenizer tokenizer, int context) {
        if (chat) {
            int distance = ChatMl.distance(tokenizer);
            require(
                    context > distance,
                    "the model sees " + context + " tokens, but " + distance
                            + " stand between a question and its answer: train it with a larger --context");
            return ChatMl.question(tokenizer, prompt);
        }
        IntStream.Builder start = IntStream.builder();
        tokenizer.encode(prompt, start);
        return start.build().toArray();
    }

    private List<int[]> ends(Tokenizer tokenizer) {
        if (pastEnd) {
            return List.of();
        }
        return chat ? ChatMl.ends(tokenizer) : List.of(new int[] {tokenizer.boundary()});
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new UsageException(message);
        }
    }
}
