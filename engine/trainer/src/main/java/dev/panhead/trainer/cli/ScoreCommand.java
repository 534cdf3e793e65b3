package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Examples;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.data.TextException;
import dev.panhead.trainer.loop.Evaluator;
import dev.panhead.trainer.model.ModelFolder;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code score}: the log-probability of each line of standard input, or of each label of hidden states. */
@Command(
        name = "score",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Prints, for each line of standard input, its log-probability in nats and a tab and the line.",
            "A line is scored alone, its end of line included. Data that is named is scored token by token instead."
        },
        footer = {
            "",
            "Examples:",
            "  panhead score --model model < candidates.txt | sort -n",
            "  panhead score --model head --hidden states.safetensors"
        })
final class ScoreCommand implements Callable<Integer> {

    private static final int BATCH = 1024;

    @Mixin
    private DataOptions data;

    @Mixin
    private ModelOption model;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        data.requireSense();
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            if (data.isGiven()) {
                scoreData(arena, model.load(arena, workers, BATCH));
            } else {
                scoreLines(arena, model.loadForText(arena, workers, BATCH));
            }
        }
        return 0;
    }

    private void scoreData(Arena arena, ModelFolder.Loaded loaded) throws IOException {
        Examples examples = data.open(arena, loaded.model().config(), loaded.tokenizer());
        if (examples.count() == 0) {
            throw new IOException("there is no token to predict");
        }
        Batch batch = examples.batch(arena, BATCH);
        Evaluator.evaluate(
                loaded.model(),
                batch,
                Part.all(examples),
                (example, loss, prediction) -> System.out.printf(
                        Locale.ROOT,
                        "%.4f\t%s%n",
                        -loss,
                        DryRun.escaped(examples.describeToken(examples.target(example)))));
    }

    private void scoreLines(Arena arena, ModelFolder.Loaded loaded) throws IOException {
        LineScorer scorer = new LineScorer(arena, loaded, BATCH, (line, logProbability) -> {
            System.out.print(String.format(Locale.ROOT, "%.4f\t", logProbability));
            System.out.write(line, 0, line.length);
        });
        InputStream in = new BufferedInputStream(System.in, 1 << 16);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        long number = 0;
        while (readLine(in, line)) {
            number++;
            try {
                scorer.add(line.toByteArray());
            } catch (TextException e) {
                throw new IOException("standard input, line " + number + ": " + e.getMessage(), e);
            }
            if (in.available() == 0) {
                scorer.flush();
                System.out.flush();
            }
        }
        scorer.flush();
    }

    /** Reads a line with its end, which is added to a last one that has none. */
    private static boolean readLine(InputStream in, ByteArrayOutputStream line) throws IOException {
        line.reset();
        for (int b = in.read(); b >= 0; b = in.read()) {
            line.write(b);
            if (b == '\n') {
                return true;
            }
        }
        if (line.size() == 0) {
            return false;
        }
        line.write('\n');
        return true;
    }
}
