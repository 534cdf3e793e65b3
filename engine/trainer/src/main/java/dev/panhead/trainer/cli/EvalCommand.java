package dev.panhead.trainer.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.loop.Evaluator;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.report.Evaluation;
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

/** {@code eval}: how well a model predicts a text. */
@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        description = "Computes a model's loss, perplexity and bits a byte on a text.",
        footer = {"", "Example: panhead eval --model model --text other.txt --json"})
final class EvalCommand implements Callable<Integer> {

    private static final int BATCH = 4096;

    @Mixin
    private ModelOption model;

    @Option(
            names = "--text",
            paramLabel = "PATH",
            required = true,
            arity = "1..*",
            description = "Files, folders and .zip archives to predict, as one text.")
    private List<Path> text;

    @Option(names = "--last-tenth", description = "Predict the last tenth only: what train held out.")
    private boolean lastTenth;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            LanguageModel loaded = model.load(arena, workers, BATCH);
            Corpus corpus = Corpus.read(text);
            int from = lastTenth ? corpus.heldOutStart(loaded.config().context()) : 0;
            Batch batch = new Batch(arena, BATCH, loaded.config().context());
            Evaluation result = Evaluator.evaluate(loaded, batch, corpus, from, corpus.size());
            if (json) {
                Map<String, Object> object = new LinkedHashMap<>();
                object.put("loss", result.loss());
                object.put("perplexity", result.perplexity());
                object.put("bits_per_byte", result.bitsPerByte());
                object.put("tokens", result.tokens());
                System.out.println(JSON.std.asString(object));
            } else {
                System.out.printf(
                        Locale.ROOT,
                        "loss %.6f nats, perplexity %.4f, %.4f bits/byte on %,d bytes%n",
                        result.loss(),
                        result.perplexity(),
                        result.bitsPerByte(),
                        result.tokens());
            }
        }
        return 0;
    }
}
