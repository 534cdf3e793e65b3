package dev.panhead.trainer.cli;

import dev.panhead.trainer.data.Batch;
import dev.panhead.trainer.data.TextException;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelFolder;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.stream.IntStream;

/**
 * Scores lines in their order, many to a batch: a token's probability does not depend on which others share the call.
 */
final class LineScorer {

    /** Takes a line's log-probability in nats. */
    @FunctionalInterface
    interface Output {
        /** A line is scored. */
        void scored(byte[] line, double logProbability);
    }

    private static final class Line {
        private final byte[] text;
        private int unscored;
        private double logProbability;

        Line(byte[] text, int tokens) {
            this.text = text;
            unscored = tokens;
        }
    }

    private final LanguageModel model;
    private final Tokenizer tokenizer;
    private final int context;
    private final Batch batch;
    private final Output output;
    private final Queue<Line> lines = new ArrayDeque<>();
    private int tokens;

    LineScorer(Arena arena, ModelFolder.Loaded loaded, int batch, Output output) {
        model = loaded.model();
        tokenizer = loaded.tokenizer();
        context = model.config().window().context();
        this.batch = Batch.ofContexts(arena, batch, context);
        this.output = output;
    }

    /**
     * Adds a line.
     *
     * @throws TextException if the tokenizer wants UTF-8 and the line is not
     */
    void add(byte[] text) throws TextException {
        IntStream.Builder encoded = IntStream.builder();
        tokenizer.encode(text, encoded);
        int[] line = encoded.build().toArray();
        lines.add(new Line(text, line.length));
        for (int i = 0; i < line.length; i++) {
            if (tokens == batch.capacity()) {
                flush();
            }
            batch.resize(batch.capacity());
            for (int k = 0; k < context; k++) {
                int from = i - context + k;
                batch.contexts().set(tokens * context + k, from < 0 ? tokenizer.boundary() : line[from]);
            }
            batch.targets().set(tokens++, line[i]);
        }
    }

    /** Scores what there is and hands on the lines that are complete. */
    void flush() {
        if (tokens > 0) {
            batch.resize(tokens);
            LanguageModel.Scores scores = model.score(batch);
            int token = 0;
            for (Line line : lines) {
                int count = Math.min(line.unscored, tokens - token);
                for (int i = 0; i < count; i++) {
                    line.logProbability -= scores.losses().get(0, token++);
                }
                line.unscored -= count;
            }
            tokens = 0;
        }
        while (!lines.isEmpty() && lines.element().unscored == 0) {
            Line line = lines.remove();
            output.scored(line.text, line.logProbability);
        }
    }
}
