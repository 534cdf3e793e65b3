package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.probe.Machine;
import dev.panhead.trainer.data.ChatMl;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.data.WindowExamples;
import dev.panhead.trainer.loop.Checkpoints;
import dev.panhead.trainer.loop.GradientName;
import dev.panhead.trainer.loop.HardestTokens;
import dev.panhead.trainer.loop.Training;
import dev.panhead.trainer.loop.TrainingOptions;
import dev.panhead.trainer.model.ModelFolder;
import dev.panhead.trainer.report.Evaluation;
import dev.panhead.trainer.report.Listener;
import dev.panhead.trainer.report.MetricsFile;
import dev.panhead.trainer.report.Progress;
import dev.panhead.trainer.report.Report;
import dev.panhead.trainer.report.Status;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** A training from its first line of output to its last: what is shown, recorded and saved around the loop. */
final class TrainingRun {

    private final Path out;
    private final Arena arena;
    private final Workers workers;
    private final Beginning beginning;
    private final TrainingOptions options;
    private final Checkpoints checkpoints;
    private final Interruption interruption;
    private final Map<String, Object> identity;
    private final Training training;

    /** The look at what is held out before the first step, or null. */
    private Evaluation before;

    /** Whether it goes on from a checkpoint. */
    private boolean resumed;

    private UncheckedIOException unseen;

    TrainingRun(
            Path out,
            Arena arena,
            Workers workers,
            Beginning beginning,
            TrainingOptions options,
            Checkpoints checkpoints,
            Interruption interruption) {
        this.out = out;
        this.arena = arena;
        this.workers = workers;
        this.beginning = beginning;
        this.options = options;
        this.checkpoints = checkpoints;
        this.interruption = interruption;
        identity = identity(beginning, options);
        training = new Training(
                arena,
                workers,
                beginning.model(),
                beginning.learned(),
                beginning.heldOut(),
                options,
                identity,
                checkpoints);
    }

    /** What a checkpoint must agree with. */
    private static Map<String, Object> identity(Beginning beginning, TrainingOptions options) {
        Map<String, Object> identity = options.toMap();
        identity.put("examples", beginning.learned().count());
        identity.put("held_out_examples", beginning.heldOut().count());
        identity.put("data", Long.toHexString(beginning.fingerprint()));
        identity.put("start", beginning.start());
        identity.putAll(ModelFolder.describe(beginning.model().config()));
        return identity;
    }

    /** Whether the folder holds what this training ends with. */
    boolean isComplete() throws IOException {
        return ModelFolder.isTrained(out) && ModelFolder.isOf(out, identity, Set.of());
    }

    /** Whether the folder holds a model of another training. */
    boolean wouldReplace() throws IOException {
        return ModelFolder.exists(out)
                && !ModelFolder.isOf(out, identity, Set.of())
                && !(resumed
                        && !ModelFolder.isTrained(out)
                        && ModelFolder.isOf(out, identity, TrainingOptions.CHANGEABLE));
    }

    private void introduce() {
        System.out.printf(
                Locale.ROOT,
                "%s, %,d tokens to learn, %,d held out; a head of %,d rows, %,d parameters%n%s kernels, %d bits, %d thread%s%n",
                beginning.description(),
                beginning.learned().count(),
                beginning.heldOut().count(),
                beginning.model().config().vocabulary(),
                beginning.model().size(),
                Machine.kernel(),
                Machine.vectorBits(),
                workers.size(),
                workers.size() == 1 ? "" : "s");
        if (beginning.heldOut().count() > beginning.learned().count() && beginning.isSplit()) {
            System.out.println(
                    "more is held out than is learned, for the last conversation is so long: --held-out names other data");
        }
        if (Files.exists(out.resolve(ModelFolder.CONFIG))) {
            System.out.printf("replaces the model in %s when it ends%n", out);
        }
        System.out.flush();
    }

    /**
     * Trains to the end or until it is interrupted, and saves what there is.
     *
     * @param checkpointing whether to go on where an earlier training stopped
     * @param sample how many tokens to generate at the end
     */
    void train(CheckpointOptions checkpointing, int sample) throws IOException {
        long done = checkpointing.resume()
                ? training.resume(
                        checkpointing.allowChanges(),
                        broken -> System.err.println("panhead: a checkpoint is left out: " + broken))
                : 0;
        resumed = done > 0;
        show(this::introduce);
        Path path = out.resolve(ModelFolder.METRICS);
        try (MetricsFile metrics = done > 0 ? MetricsFile.resume(path, done) : MetricsFile.begin(path)) {
            if (done > 0) {
                System.out.printf(Locale.ROOT, "goes on after step %,d%n", done);
                Map<String, Object> line = MetricsFile.line("resume", done);
                line.put("options", identity);
                metrics.write(line);
            } else {
                metrics.write(introduction());
            }
            Status status = run(metrics, done == 0);
            if (interruption.isWished()) {
                interrupted(status, metrics);
            } else {
                finish(status, metrics, sample);
                checkpoints.clear();
            }
        }
        if (unseen != null) {
            throw unseen;
        }
    }

    /** Saves what there is, but leaves another training's model in its place. */
    private void interrupted(Status status, MetricsFile metrics) throws IOException {
        training.save(metrics);
        boolean saved = status.step() > 0 && !wouldReplace();
        if (saved) {
            save(status, training.takeBest(), null, metrics);
        }
        PrintStream told = unseen instanceof StandardOutput.UnreadException ? System.err : System.out;
        told.printf(
                Locale.ROOT,
                "interrupted after %,d step%s; the %s is saved, and --resume goes on%n",
                status.step(),
                status.step() == 1 ? "" : "s",
                saved ? "model" : "state");
    }

    private Map<String, Object> introduction() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("kind", "run");
        line.put("version", Version.number());
        line.put("started", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        line.put("data", beginning.description());
        line.put("held_out_data", Long.toHexString(beginning.heldOut().fingerprint()));
        if (beginning.tokenizer() != null) {
            line.put("tokenizer", beginning.tokenizer().name());
        }
        line.putAll(ModelFolder.describe(beginning.model().config()));
        line.put("parameters", beginning.model().size());
        line.put("tokens", beginning.learned().count());
        line.put("held_out_tokens", beginning.heldOut().count());
        line.put("threads", workers.size());
        line.put("kernel", Machine.kernel());
        line.put("vector_bits", Machine.vectorBits());
        line.put("processor", Machine.processor());
        line.put("options", identity);
        return line;
    }

    private Status run(MetricsFile metrics, boolean begins) throws IOException {
        boolean terminal = System.console() != null && System.console().isTerminal();
        try (Progress progress = new Progress(System.out, terminal)) {
            Listener listener = new FileAndScreen(metrics, progress);
            if (begins && (!beginning.isNew() || options.keepBest() || options.patience() > 0)) {
                before = training.lookFirst(listener);
            }
            return training.run(listener, interruption::isWished);
        } catch (ArithmeticException e) {
            if (checkpoints.isEmpty()) {
                throw e;
            }
            throw new ArithmeticException(e.getMessage() + "; the last good state is in "
                    + out.resolve(Checkpoints.FOLDER) + ", and --resume --allow-changes goes on from it otherwise");
        }
    }

    /** Tells the file and the screen. */
    private final class FileAndScreen implements Listener {

        private final MetricsFile metrics;
        private final Progress progress;

        FileAndScreen(MetricsFile metrics, Progress progress) {
            this.metrics = metrics;
            this.progress = progress;
        }

        @Override
        public void step(Status status) throws IOException {
            metrics.step(status);
            show(() -> progress.step(status));
        }

        @Override
        public void evaluated(Status status, Evaluation heldOut, boolean whole) throws IOException {
            metrics.evaluated(status, heldOut, whole);
            show(() -> progress.evaluated(status, heldOut, whole));
        }

        @Override
        public void saved(Status status, Path file, double seconds) throws IOException {
            metrics.saved(status, file, seconds);
        }

        @Override
        public void audited(Status status, int tokens, double error, double bound) throws IOException {
            metrics.audited(status, tokens, error, bound);
        }
    }

    /** Where nothing can be shown any more, the training ends early and is saved before that is reported. */
    private void show(Runnable progress) {
        try {
            progress.run();
            System.out.flush();
        } catch (UncheckedIOException e) {
            unseen = e;
            interruption.wish();
        }
    }

    /** Evaluates, saves, and shows what came of it. */
    private void finish(Status status, MetricsFile metrics, int sample) throws IOException {
        HardestTokens hardest = new HardestTokens();
        long kept = training.takeBest();
        Evaluation heldOut;
        try {
            heldOut = training.evaluate(hardest);
        } catch (ArithmeticException e) {
            save(status, kept, null, metrics);
            throw new ArithmeticException(e.getMessage() + "; the model is saved in " + out);
        }
        metrics.evaluated(status, heldOut, true);
        Map<String, Object> tokens = MetricsFile.line("hardest", status.step());
        tokens.put("tokens", hardest.describe(beginning.heldOut().examples()));
        metrics.write(tokens);
        String text = sample(status, metrics, sample);
        Map<String, Object> end = MetricsFile.line("end", status.step());
        end.put("seconds", status.seconds());
        if (kept < status.step()) {
            end.put("kept_step", kept);
        }
        end.put("reason", training.isExhausted() ? "no improvement" : "finished");
        if (!options.isExact()) {
            end.put("gradient", GradientName.of(options.gradient()));
        }
        metrics.write(end);
        save(status, kept, heldOut, metrics);
        if (training.isExhausted()) {
            System.out.printf(
                    Locale.ROOT, "ended after %,d steps: what is held out was predicted no better%n", status.step());
        }
        System.out.printf(
                Locale.ROOT,
                "held out: %s on %,d tokens; trained at %,.0f tokens/s%s%n",
                Wording.of(heldOut),
                heldOut.tokens(),
                status.tokensPerSecond(),
                options.isExact() ? "" : ", gradient " + GradientName.of(options.gradient()));
        if (kept < status.step()) {
            System.out.printf(
                    Locale.ROOT,
                    "kept is the model %s, which predicted best what is held out%n",
                    kept == 0 ? "as it was before the first step" : String.format(Locale.ROOT, "of step %,d", kept));
        } else if (before != null && before.tokens() == heldOut.tokens() && before.loss() < heldOut.loss()) {
            System.out.printf(
                    Locale.ROOT,
                    "what is held out was predicted better before the first step, with a loss of %.4f: a lower --learning-rate or --keep-best may help%n",
                    before.loss());
        }
        Path html = out.resolve(ModelFolder.REPORT);
        Optional<String> noPicture =
                Report.write(out.resolve(ModelFolder.METRICS), html, out.resolve(ModelFolder.LOSS_PICTURE));
        System.out.printf("wrote the model and %s%n", html);
        noPicture.ifPresent(reason -> System.out.printf("there is no picture of the loss: %s%n", reason));
        if (!text.isEmpty()) {
            System.out.println("a sample:");
            System.out.println(text);
        }
    }

    /**
     * Saves the model.
     *
     * @param kept the step after which it was as it is saved
     */
    private void save(Status status, long kept, Evaluation heldOut, MetricsFile metrics) throws IOException {
        Map<String, Object> training = new LinkedHashMap<>(identity);
        training.put("steps_done", status.step());
        if (kept < status.step()) {
            training.put("kept_step", kept);
        }
        if (heldOut != null) {
            training.put("held_out_loss", heldOut.loss());
            if (heldOut.bytes() > 0) {
                training.put("held_out_bits_per_byte", heldOut.bitsPerByte());
            }
        }
        ModelFolder.save(out, beginning.model(), beginning.tokenizer(), training);
        metrics.publish();
    }

    /** Text that the model makes up, the prompt in front of it; empty where there is none. */
    private String sample(Status status, MetricsFile metrics, int count) throws IOException {
        if (count <= 0 || !(beginning.heldOut().examples() instanceof WindowExamples window)) {
            return "";
        }
        // The beginning of a text or, of conversations, what stands before the first token that is held out.
        boolean chat = window.data().conversations().size() > 0;
        long end = chat ? window.data().position(beginning.heldOut().from()) : window.context();
        List<Integer> prompt = new ArrayList<>();
        long begin = chat ? window.conversation(end) : end - window.context();
        for (long i = begin; i < Math.min(end, window.data().tokens().size()); i++) {
            prompt.add(window.data().tokens().at(i));
        }
        Tokenizer tokenizer = beginning.tokenizer();
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        prompt.stream()
                .filter(token -> token != tokenizer.boundary())
                .forEach(token -> said.writeBytes(tokenizer.bytes(token)));
        String begun = text(said);
        said.reset();
        new Generator(arena, workers, beginning.model(), 0.7, 0, options.seed())
                .generate(
                        prompt.stream().mapToInt(Integer::intValue).toArray(),
                        tokenizer.boundary(),
                        chat ? ChatMl.ends(tokenizer) : List.of(new int[] {tokenizer.boundary()}),
                        count,
                        token -> said.writeBytes(tokenizer.bytes(token)));
        Map<String, Object> line = MetricsFile.line("sample", status.step());
        line.put("prompt", begun);
        line.put("text", text(said));
        metrics.write(line);
        return begun + text(said);
    }

    /** As text; what a terminal would obey, or cannot show, is replaced. */
    private static String text(ByteArrayOutputStream bytes) {
        return bytes.toString(StandardCharsets.UTF_8).replaceAll("[\\p{Cntrl}&&[^\\n\\t]]", "\ufffd");
    }
}
