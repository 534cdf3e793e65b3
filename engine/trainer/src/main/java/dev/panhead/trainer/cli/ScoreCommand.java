package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.model.LanguageModel;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code score}: the log-probability of each line of standard input. */
@Command(
        name = "score",
        mixinStandardHelpOptions = true,
        description = {
            "Prints, for each line of standard input, its log-probability in nats and a tab and the line.",
            "A line is scored alone, its end of line included."
        },
        footer = {"", "Example: panhead score --model model < candidates.txt | sort -n"})
final class ScoreCommand implements Callable<Integer> {

    private static final int BATCH = 1024;

    @Mixin
    private ModelOption model;

    @Mixin
    private ThreadsOption threads;

    @Override
    public Integer call() throws Exception {
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            LanguageModel loaded = model.load(arena, workers, BATCH);
            Batch batch = new Batch(arena, BATCH, loaded.config().context());
            InputStream in = new BufferedInputStream(System.in, 1 << 16);
            PrintStream out = System.out;
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            while (readLine(in, line)) {
                byte[] bytes = line.toByteArray();
                double logProbability = score(loaded, batch, Corpus.of(bytes));
                out.write(String.format(Locale.ROOT, "%.4f\t", logProbability).getBytes(StandardCharsets.US_ASCII));
                out.write(bytes);
                if (in.available() == 0) {
                    out.flush();
                }
            }
        }
        return 0;
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

    private static double score(LanguageModel model, Batch batch, Corpus line) {
        double sum = 0;
        for (int from = 0; from < line.size(); from += batch.capacity()) {
            int count = Math.min(batch.capacity(), line.size() - from);
            batch.setRun(line, from, count);
            Matrix losses = model.losses(batch.contexts(), batch.targets());
            for (int t = 0; t < count; t++) {
                sum -= losses.get(0, t);
            }
        }
        return sum;
    }
}
