package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.probe.Machine;
import dev.panhead.trainer.data.TokenData;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.data.WindowExamples;
import dev.panhead.trainer.loop.Checkpoints;
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
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train}: a model from text, from conversations or from hidden states. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        sortOptions = false,
        customSynopsis = "@|bold panhead train|@ (--text | --chat | --hidden) PATH... [OPTIONS]%n",
        description = {
            "Trains a language model on a text or on conversations, or a head on the hidden states of another model; the last tenth is held"
                    + " out.",
            "Ctrl-C ends the training early and saves the model; --resume goes on."
        },
        footer = {
            "",
            "Examples:",
            "  panhead train --text book.txt notes/ --seconds 150 --out model",
            "  panhead train --text corpus.zip --tokenizer cl100k_base --epochs 3 --out model",
            "  panhead train --chat questions.jsonl --init-model model --epochs 2 --out tuned",
            "  panhead train --hidden states.safetensors --init-head model.safetensors --epochs 5 --out head"
        })
final class TrainCommand implements Callable<Integer> {

    private static final int INTERRUPTED = 130;

    /** Tokens that a dry run shows. */
    private static final int SHOWN = 500;

    @Mixin
    private DataOptions data;

    @Mixin
    private StartOptions start;

    @Mixin
    private ModelShapeOptions shape;

    @Mixin
    private LearningOptions learning;

    @Mixin
    private CheckpointOptions checkpointing;

    @Option(names = "--out", paramLabel = "FOLDER", description = "Where the model goes.")
    private Path out = Path.of("panhead-model");

    @Option(
            names = "--sample",
            paramLabel = "N",
            description = "Tokens of text to generate from the trained model and show; 0 for none.")
    private int sample = 200;

    @Option(
            names = "--dry-run",
            description = "Show how the data is cut into tokens and which of them are learned; train nothing.")
    private boolean dryRun;

    @Mixin
    private ThreadsOption threads;

    private volatile boolean stop;

    private UncheckedIOException unseen;

    @Override
    public Integer call() throws Exception {
        data.requireOne();
        Checkpoints checkpoints = usage(() -> checkpointing.in(out));
        usage(() -> learning.forExamples(1));
        usage(() -> shape.window(1));
        if (!dryRun) {
            requireOurs(out);
            if (!checkpointing.resume() && !checkpoints.isEmpty()) {
                throw new IOException(out.resolve(Checkpoints.FOLDER)
                        + " holds the state of an unfinished training: --resume goes on with it, or delete it");
            }
        }
        CountDownLatch ended = new CountDownLatch(1);
        Thread hook = new Thread(() -> {
            stop = true;
            try {
                ended.await(); // not the thread's own end, for it may be waiting in exit for this hook
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (Arena arena = Arena.ofShared();
                Workers workers = threads.start()) {
            Beginning beginning = start.begin(arena, workers, data, shape, learning);
            if (dryRun) {
                if (!(beginning.examples() instanceof WindowExamples text)) {
                    throw new UsageException("--dry-run shows tokens, and hidden states have none");
                }
                DryRun.print(System.out, text.data(), SHOWN, learning.batch());
                System.out.flush();
                return 0;
            }
            TrainingOptions options =
                    usage(() -> learning.forExamples(beginning.learned().count()));
            requireRows(options, beginning.model().config().vocabulary());
            Map<String, Object> identity = identity(beginning, options);
            if (checkpointing.resume() && checkpoints.isEmpty() && ModelFolder.isTrained(out, identity)) {
                System.out.printf("the training in %s is complete: there is nothing to resume%n", out);
                System.out.flush();
                return 0;
            }
            Training training = new Training(
                    arena,
                    workers,
                    beginning.model(),
                    beginning.learned(),
                    beginning.heldOut(),
                    options,
                    identity,
                    checkpoints);
            introduce(beginning, workers);
            Files.createDirectories(out);
            Runtime.getRuntime().addShutdownHook(hook);
            train(arena, workers, beginning, training, identity, checkpoints);
            System.out.flush();
        } finally {
            ended.countDown();
        }
        if (unseen != null) {
            throw unseen;
        }
        return stop ? INTERRUPTED : 0;
    }

    /** What is not a right value of an option is a wrong usage. */
    private static <T> T usage(Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new UsageException(e.getMessage(), e);
        }
    }

    private static void requireRows(TrainingOptions options, int vocabulary) {
        options.frozenRows().stream()
                .filter(range -> range.to() >= vocabulary)
                .findFirst()
                .ifPresent(range -> {
                    throw new UsageException(
                            "--freeze-rows " + range + ", but the head has rows 0-" + (vocabulary - 1));
                });
    }

    /** A folder with something else in it is not written to. */
    private static void requireOurs(Path folder) throws IOException {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new IOException("--out " + folder + " is a file, not a folder");
        }
        if (Files.isDirectory(folder) && !Files.exists(folder.resolve(ModelFolder.CONFIG))) {
            try (var content = Files.list(folder)) {
                if (content.anyMatch(path -> !isOurs(path.getFileName().toString()))) {
                    throw new IOException("--out " + folder + " holds other files and no model: name a new folder");
                }
            }
        }
    }

    /** Files that a training leaves which was killed before it ended. */
    private static boolean isOurs(String name) {
        return name.startsWith(ModelFolder.METRICS)
                || name.equals(Checkpoints.FOLDER)
                || name.equals(ModelFolder.MODEL)
                || name.equals(ModelFolder.VOCABULARY)
                || name.endsWith(".tmp");
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

    private void introduce(Beginning beginning, Workers workers) {
        System.out.printf(
                Locale.ROOT,
                "%s, %,d tokens to learn, %,d held out; %,d parameters%n%s kernels, %d bits, %d thread%s%n",
                beginning.description(),
                beginning.learned().count(),
                beginning.heldOut().count(),
                beginning.model().size(),
                Machine.kernel(),
                Machine.vectorBits(),
                workers.size(),
                workers.size() == 1 ? "" : "s");
        if (Files.exists(out.resolve(ModelFolder.CONFIG))) {
            System.out.printf("replaces the model in %s when it ends%n", out);
        }
        System.out.flush();
    }

    private void train(
            Arena arena,
            Workers workers,
            Beginning beginning,
            Training training,
            Map<String, Object> identity,
            Checkpoints checkpoints)
            throws IOException {
        long done = checkpointing.resume()
                ? training.resume(broken -> System.err.println("panhead: a checkpoint is left out: " + broken))
                : 0;
        Path path = out.resolve(ModelFolder.METRICS);
        try (MetricsFile metrics = done > 0 ? MetricsFile.resume(path, done) : MetricsFile.begin(path)) {
            if (done > 0) {
                System.out.printf(Locale.ROOT, "goes on after step %,d%n", done);
                metrics.write(Map.of("kind", "resume", "step", done));
            } else {
                metrics.write(introduction(beginning, workers, identity));
            }
            Status status = run(training, metrics, checkpoints);
            if (stop) {
                training.save(metrics);
                save(beginning, identity, status, null, metrics);
                System.out.printf(
                        Locale.ROOT,
                        "interrupted after %,d steps; the model is saved, and --resume goes on%n",
                        status.step());
            } else {
                finish(arena, workers, beginning, training, identity, status, metrics);
                checkpoints.clear();
            }
        }
    }

    private Map<String, Object> introduction(Beginning beginning, Workers workers, Map<String, Object> identity) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("kind", "run");
        line.put("version", Version.number());
        line.put("started", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        line.put("data", beginning.description());
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

    private Status run(Training training, MetricsFile metrics, Checkpoints checkpoints) throws IOException {
        boolean terminal = System.console() != null && System.console().isTerminal();
        try (Progress progress = new Progress(System.out, terminal)) {
            return training.run(new Both(metrics, progress), () -> stop);
        } catch (ArithmeticException e) {
            if (checkpoints.isEmpty()) {
                throw e;
            }
            throw new ArithmeticException(
                    e.getMessage() + "; the last good state is in " + out.resolve(Checkpoints.FOLDER));
        }
    }

    /** Tells the file and the screen. */
    private final class Both implements Listener {

        private final MetricsFile metrics;
        private final Progress progress;

        Both(MetricsFile metrics, Progress progress) {
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
            stop = true;
        }
    }

    /** Evaluates, saves, and shows what came of it. */
    private void finish(
            Arena arena,
            Workers workers,
            Beginning beginning,
            Training training,
            Map<String, Object> identity,
            Status status,
            MetricsFile metrics)
            throws IOException {
        HardestTokens hardest = new HardestTokens();
        Evaluation heldOut = training.finish(hardest);
        metrics.evaluated(status, heldOut, true);
        metrics.write(Map.of(
                "kind", "hardest",
                "step", status.step(),
                "tokens", hardest.describe(beginning.heldOut().examples())));
        byte[] text = sample(arena, workers, beginning, status, metrics);
        Map<String, Object> end = new LinkedHashMap<>();
        end.put("kind", "end");
        end.put("step", status.step());
        end.put("seconds", status.seconds());
        end.put("reason", training.isExhausted() ? "no improvement" : "finished");
        metrics.write(end);
        save(beginning, identity, status, heldOut, metrics);
        if (training.isExhausted()) {
            System.out.printf(
                    Locale.ROOT, "ended after %,d steps: what is held out was predicted no better%n", status.step());
        }
        System.out.printf(
                Locale.ROOT,
                "held out: %s on %,d tokens; trained at %,.0f tokens/s%n",
                Wording.of(heldOut),
                heldOut.tokens(),
                status.tokensPerSecond());
        Path html = out.resolve(ModelFolder.REPORT);
        Optional<String> noPicture =
                Report.write(out.resolve(ModelFolder.METRICS), html, out.resolve(ModelFolder.LOSS_PICTURE));
        System.out.printf("wrote the model and %s%n", html);
        noPicture.ifPresent(reason -> System.out.printf("there is no picture of the loss: %s%n", reason));
        if (text.length > 0) {
            System.out.println("a sample:");
            System.out.write(text, 0, text.length);
            System.out.println();
        }
    }

    private void save(
            Beginning beginning, Map<String, Object> identity, Status status, Evaluation heldOut, MetricsFile metrics)
            throws IOException {
        Map<String, Object> training = new LinkedHashMap<>(identity);
        training.put("steps_done", status.step());
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
    private byte[] sample(Arena arena, Workers workers, Beginning beginning, Status status, MetricsFile metrics)
            throws IOException {
        if (sample <= 0 || !(beginning.examples() instanceof WindowExamples window)) {
            return new byte[0];
        }
        TokenData text = window.data();
        Tokenizer tokenizer = beginning.tokenizer();
        int length = (int) Math.min(window.context(), text.tokens().size());
        int[] prompt = new int[length];
        Arrays.setAll(prompt, i -> text.tokens().at(i));
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        for (int token : prompt) {
            said.writeBytes(tokenizer.bytes(token));
        }
        int promptBytes = said.size();
        new Generator(arena, workers, beginning.model(), 0.7, 0, learning.seed())
                .generate(prompt, tokenizer.boundary(), sample, token -> said.writeBytes(tokenizer.bytes(token)));
        byte[] bytes = said.toByteArray();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("kind", "sample");
        line.put("step", status.step());
        line.put("prompt", new String(bytes, 0, promptBytes, StandardCharsets.UTF_8));
        line.put("text", new String(bytes, promptBytes, bytes.length - promptBytes, StandardCharsets.UTF_8));
        metrics.write(line);
        return bytes;
    }
}
