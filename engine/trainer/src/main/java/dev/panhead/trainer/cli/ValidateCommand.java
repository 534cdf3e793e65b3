package dev.panhead.trainer.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.check.Validation;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.data.Positions;
import dev.panhead.trainer.model.LanguageModel;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code validate}: the engine's loss and gradients against double precision. */
@Command(
        name = "validate",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = {
            "Computes a batch's loss, dX, dW and db with the engine and, independently, in double with Commons Math.",
            "Fails if an error exceeds the bound, relative to the sum of absolute terms."
        },
        footer = {"", "Example: panhead validate --model model --text book.txt"})
final class ValidateCommand implements Callable<Integer> {

    @Mixin
    private ModelOption model;

    @Option(
            names = "--text",
            paramLabel = "PATH",
            required = true,
            arity = "1..*",
            description = "Files, folders and .zip archives to take the batch from.")
    private List<Path> text;

    @Option(names = "--batch", paramLabel = "T", description = "Tokens to compare.", defaultValue = "256")
    private int tokens;

    @Option(names = "--bound", paramLabel = "E", description = "Largest relative error allowed.", defaultValue = "1e-5")
    private double bound;

    @Option(names = "--seed", paramLabel = "K", description = "Seed of the batch.", defaultValue = "1")
    private long seed;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        if (tokens < 1 || tokens > 1 << 16) {
            throw new UsageException("--batch must be from 1 to 65536, but is " + tokens);
        }
        if (!(bound > 0)) {
            throw new UsageException("--bound must be more than 0, but is " + bound);
        }
        Validation result;
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            LanguageModel loaded = model.load(arena, workers, tokens);
            Corpus corpus = Corpus.read(text);
            Batch batch = new Batch(arena, tokens, loaded.config().context());
            Positions positions = new Positions(corpus.size(), seed);
            batch.resize(tokens);
            for (int i = 0; i < tokens; i++) {
                batch.set(i, corpus, positions.at(i));
            }
            Matrix hidden = loaded.encoder().forward(batch.contexts());
            LinearCrossEntropy head = new LinearCrossEntropy(
                    arena,
                    workers,
                    tokens,
                    loaded.config().vocabulary(),
                    loaded.config().width(),
                    HeadOptions.DEFAULT);
            result = Validation.of(
                    head,
                    HeadInputs.of(hidden, loaded.weight().value(), batch.targets())
                            .withBias(loaded.bias().value()));
        }
        boolean passed = result.maxRelError() <= bound;
        if (json) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("max_abs_error", result.maxAbsError());
            object.put("max_rel_error", result.maxRelError());
            object.put("tokens", result.tokens());
            object.put("bound", bound);
            object.put("passed", passed);
            for (Validation.Deviation error : result.errors()) {
                Map<String, Object> one = new LinkedHashMap<>();
                one.put("max_abs_error", error.absolute());
                one.put("max_rel_error", error.relative());
                object.put(error.name(), one);
            }
            System.out.println(JSON.std.asString(object));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%s: largest relative error %.2e (bound %.0e) on %,d tokens%n",
                    passed ? "passed" : "failed",
                    result.maxRelError(),
                    bound,
                    result.tokens());
            for (Validation.Deviation error : result.errors()) {
                System.out.printf(
                        Locale.ROOT,
                        "  %-4s  absolute %.2e  relative %.2e%n",
                        error.name(),
                        error.absolute(),
                        error.relative());
            }
        }
        return passed ? 0 : 1;
    }
}
