package dev.panhead.trainer.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Examples;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.loop.Evaluator;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import dev.panhead.trainer.model.ModelFolder;
import dev.panhead.trainer.model.PretrainedHead;
import dev.panhead.trainer.report.Evaluation;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code eval}: how well a model predicts. */
@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Computes a model's loss, perplexity and accuracy on a text, on conversations or on hidden states.",
        footer = {
            "",
            "Examples:",
            "  panhead eval --model model --text other.txt --json",
            "  panhead eval --head model.safetensors --hidden states.safetensors"
        })
final class EvalCommand implements Callable<Integer> {

    private static final int BATCH = 4096;

    @Mixin
    private DataOptions data;

    @Mixin
    private ModelOption model;

    @Option(
            names = "--head",
            paramLabel = "PATH",
            description =
                    "With --hidden, instead of --model: the head of another model, in a .safetensors file, folder or index.")
    private Path head;

    @Option(names = "--head-tensor", paramLabel = "NAME", description = "With --head: " + StartOptions.HEAD_TENSOR)
    private String headTensor;

    @Option(names = "--last-tenth", description = "Predict the last tenth only: what train held out.")
    private boolean lastTenth;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Mixin
    private ThreadsOption threads;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        data.requireOne();
        if (headTensor != null && head == null) {
            throw new UsageException("--head-tensor goes with --head");
        }
        if (head != null && !data.isHidden()) {
            throw new UsageException("--head goes with --hidden");
        }
        if (head != null && spec.commandLine().getParseResult().hasMatchedOption("--model")) {
            throw new UsageException("--head and --model name two heads: which one?");
        }
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            ModelFolder.Loaded loaded = load(arena, workers);
            Tokenizer tokenizer = loaded.tokenizer();
            Examples examples = data.open(arena, loaded.model().config(), tokenizer);
            Part part = lastTenth ? Part.lastTenth(examples) : Part.all(examples);
            if (part.count() == 0) {
                throw new IOException("there is no token to predict");
            }
            Batch batch = examples.batch(arena, BATCH);
            Evaluation result = Evaluator.evaluate(loaded.model(), batch, part, Evaluator.TokenListener.NONE);
            if (json) {
                System.out.println(JSON.std.asString(Wording.map(result)));
            } else {
                System.out.printf(Locale.ROOT, "%s on %,d tokens%n", Wording.of(result), result.tokens());
            }
        }
        return 0;
    }

    private ModelFolder.Loaded load(Arena arena, Workers workers) throws IOException {
        if (head == null) {
            return model.load(arena, workers, BATCH);
        }
        PretrainedHead pretrained = PretrainedHead.open(head, headTensor, arena);
        ModelConfig config = new ModelConfig(
                null,
                pretrained.width(),
                pretrained.vocabulary(),
                pretrained.bias() != null,
                pretrained.softcap(),
                pretrained.logitScale());
        LanguageModel bare = LanguageModel.ofZeros(arena, workers, config, BATCH);
        pretrained.copyInto(bare, 0);
        return new ModelFolder.Loaded(bare, null);
    }
}
