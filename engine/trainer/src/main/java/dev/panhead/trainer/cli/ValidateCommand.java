package dev.panhead.trainer.cli;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadInputs;
import dev.panhead.head.HeadOptions;
import dev.panhead.head.LinearCrossEntropy;
import dev.panhead.head.NonFiniteLogitException;
import dev.panhead.trainer.check.Validation;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Examples;
import dev.panhead.trainer.data.Order;
import dev.panhead.trainer.loop.Evaluator;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import dev.panhead.trainer.model.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
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
            "Fails if an error exceeds the bound, relative to the sum of absolute terms;",
            "where a target's logit has terms of more than 10 in all, relative to what rounding them makes of that."
        },
        footer = {"", "Example: panhead validate --model model --text book.txt"})
final class ValidateCommand implements Callable<Integer> {

    @Mixin
    private ModelOption model;

    @Mixin
    private DataOptions data;

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
        data.requireOne();
        Validation result;
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            ModelFolder.Loaded loaded = model.load(arena, workers, tokens);
            LanguageModel network = loaded.model();
            Examples examples = data.open(arena, network.config(), loaded.tokenizer());
            if (examples.count() == 0) {
                throw new IOException("there is no token to predict");
            }
            requireHeap(tokens, network.config());
            Order order = new Order(examples.count(), seed);
            Batch batch = examples.batch(arena, tokens);
            for (int i = 0; i < tokens; i++) {
                examples.copy(order.at(i), batch, i);
            }
            HeadInputs inputs = HeadInputs.of(
                    network.encoder().forward(batch), network.weight().value(), batch.targets());
            ModelConfig config = network.config();
            LinearCrossEntropy head = new LinearCrossEntropy(
                    arena,
                    workers,
                    tokens,
                    config.vocabulary(),
                    config.width(),
                    HeadOptions.DEFAULT.withSoftcap(config.softcap()).withLogitScale(config.logitScale()));
            try {
                result = Validation.of(
                        head,
                        network.bias() == null
                                ? inputs
                                : inputs.withBias(network.bias().value()),
                        config.softcap(),
                        config.logitScale());
            } catch (NonFiniteLogitException e) {
                throw Evaluator.notFinite(examples.place(order.at(e.token())), e);
            }
        }
        return tell(result);
    }

    /** Commons Math holds its matrices on the heap: logits and W, and the gradient of W, each with the sizes of its terms. */
    private static void requireHeap(int tokens, ModelConfig config) {
        double bytes = (double) Double.BYTES * config.vocabulary() * (3.0 * tokens + 6.0 * config.width());
        long most = Runtime.getRuntime().maxMemory();
        if (bytes > most) {
            throw new UsageException(String.format(
                    Locale.ROOT,
                    "--batch %,d takes %.1f GB on the heap with this model, but there are %.1f GB: take less, or java -Xmx",
                    tokens,
                    bytes * 1e-9,
                    most * 1e-9));
        }
    }

    private int tell(Validation result) throws IOException {
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
