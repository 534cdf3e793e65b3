package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.probe.Machine;
import dev.panhead.trainer.data.Corpus;
import dev.panhead.trainer.loop.Training;
import dev.panhead.trainer.loop.TrainingOptions;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import dev.panhead.trainer.model.ModelFolder;
import dev.panhead.trainer.report.Evaluation;
import dev.panhead.trainer.report.Listener;
import dev.panhead.trainer.report.MetricsFile;
import dev.panhead.trainer.report.Progress;
import dev.panhead.trainer.report.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code train}: a model from text. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        showDefaultValues = true,
        description = {
            "Trains a language model on the bytes of a text, the last tenth held out.",
            "Ctrl-C ends the training early and saves the model."
        },
        footer = {"", "Example: panhead train --text book.txt notes/ --seconds 150 --out model"})
final class TrainCommand implements Callable<Integer> {

    private static final int INTERRUPTED = 130;

    @Option(
            names = "--text",
            paramLabel = "PATH",
            required = true,
            arity = "1..*",
            description = "Files, folders and .zip archives to learn from.")
    private List<Path> text;

    @Option(
            names = "--out",
            paramLabel = "FOLDER",
            description = "Where the model goes.",
            defaultValue = "panhead-model")
    private Path out;

    @Option(names = "--seconds", paramLabel = "S", description = "How long to train.", defaultValue = "60")
    private double seconds;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Train for so many steps instead: the same bits each time. 0: for --seconds.",
            defaultValue = "0")
    private long steps;

    @Option(names = "--batch", paramLabel = "T", description = "Tokens a step.", defaultValue = "1024")
    private int batch;

    @Option(names = "--learning-rate", paramLabel = "R", description = "Highest learning rate.", defaultValue = "0.004")
    private double learningRate;

    @Option(
            names = "--warm-up",
            paramLabel = "F",
            description = "Fraction of the training in which the rate rises.",
            defaultValue = "0.02")
    private double warmUp;

    @Option(names = "--weight-decay", paramLabel = "D", description = "AdamW's weight decay.", defaultValue = "0.01")
    private double weightDecay;

    @Option(names = "--clip", paramLabel = "C", description = "Largest gradient norm; 0 for any.", defaultValue = "1")
    private double clip;

    @Option(names = "--seed", paramLabel = "K", description = "Seed of weights and batches.", defaultValue = "1")
    private long seed;

    @Option(names = "--context", paramLabel = "N", description = "Bytes the encoder sees.", defaultValue = "16")
    private int context;

    @Option(names = "--embedding", paramLabel = "N", description = "Width of an embedding.", defaultValue = "32")
    private int embedding;

    @Option(names = "--width", paramLabel = "D", description = "Width of the hidden states.", defaultValue = "256")
    private int width;

    @Option(
            names = "--sample",
            paramLabel = "N",
            description = "Bytes of text to generate from the trained model and show; 0 for none.",
            defaultValue = "0")
    private int sample;

    @Mixin
    private ThreadsOption threads;

    private volatile boolean stop;

    private UncheckedIOException unseen;

    @Override
    public Integer call() throws Exception {
        TrainingOptions options;
        ModelConfig config;
        try {
            options = new TrainingOptions(batch, steps, seconds, learningRate, warmUp, weightDecay, clip, seed);
            config = new ModelConfig(context, embedding, width, ModelConfig.BYTES);
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage(), e);
        }
        requireOurs(out);
        Corpus corpus = Corpus.read(text);
        corpus.heldOutStart(context);
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
            LanguageModel model = new LanguageModel(arena, workers, config, batch, seed);
            System.out.printf(
                    Locale.ROOT,
                    "%,d bytes of text, the last %,d held out; %,d parameters%n%s kernels, %d bits, %d thread%s%n",
                    corpus.size(),
                    corpus.size() - corpus.heldOutStart(context),
                    model.size(),
                    Machine.kernel(),
                    Machine.vectorBits(),
                    workers.size(),
                    workers.size() == 1 ? "" : "s");
            if (Files.exists(out.resolve(ModelFolder.CONFIG))) {
                System.out.printf("replaces the model in %s when it ends%n", out);
            }
            System.out.flush();
            Files.createDirectories(out);
            Runtime.getRuntime().addShutdownHook(hook);
            Training training = new Training(arena, workers, model, corpus, options);
            Evaluation heldOut = trainAndSave(model, training, options);
            if (heldOut != null && sample > 0) {
                showSample(arena, workers, model, corpus);
            }
            System.out.flush();
        } finally {
            ended.countDown();
        }
        if (unseen != null) {
            throw unseen;
        }
        return stop ? INTERRUPTED : 0;
    }

    /** A folder with something else in it is not written to. */
    private static void requireOurs(Path folder) throws IOException {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new IOException("--out " + folder + " is a file, not a folder");
        }
        if (Files.isDirectory(folder) && !Files.exists(folder.resolve(ModelFolder.CONFIG))) {
            try (var content = Files.list(folder)) {
                if (content.anyMatch(path -> !path.getFileName().toString().startsWith(ModelFolder.METRICS))) {
                    throw new IOException("--out " + folder + " holds other files and no model: name a new folder");
                }
            }
        }
    }

    /** The evaluation at the end, or null if the training was interrupted. */
    private Evaluation trainAndSave(LanguageModel model, Training training, TrainingOptions options)
            throws IOException {
        try (MetricsFile metrics = new MetricsFile(out.resolve(ModelFolder.METRICS))) {
            Status status = run(training, metrics);
            Evaluation heldOut = stop ? null : training.evaluate();
            save(model, options, status, heldOut, metrics);
            return heldOut;
        }
    }

    private Status run(Training training, MetricsFile metrics) throws IOException {
        boolean terminal = System.console() != null && System.console().isTerminal();
        try (Progress progress = new Progress(System.out, terminal)) {
            return training.run(
                    new Listener() {
                        @Override
                        public void step(Status status) throws IOException {
                            metrics.step(status);
                            show(() -> progress.step(status));
                        }

                        @Override
                        public void evaluated(Status status, Evaluation heldOut) throws IOException {
                            metrics.evaluated(status, heldOut);
                            show(() -> progress.evaluated(status, heldOut));
                        }
                    },
                    () -> stop);
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

    private void save(
            LanguageModel model, TrainingOptions options, Status status, Evaluation heldOut, MetricsFile metrics)
            throws IOException {
        Map<String, Object> training = options.toMap();
        training.put("steps_done", status.step());
        if (heldOut != null) {
            training.put("held_out_bits_per_byte", heldOut.bitsPerByte());
        }
        ModelFolder.save(out, model, training);
        metrics.publish();
        if (heldOut == null) {
            System.out.printf("interrupted after %,d steps; the model is saved%n", status.step());
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "held out: %.3f bits/byte (perplexity %.2f) on %,d bytes; trained at %,.0f tokens/s%n",
                    heldOut.bitsPerByte(),
                    heldOut.perplexity(),
                    heldOut.tokens(),
                    status.tokensPerSecond());
        }
        System.out.printf(
                "wrote %s, %s and %s in %s%n", ModelFolder.MODEL, ModelFolder.CONFIG, ModelFolder.METRICS, out);
    }

    private void showSample(Arena arena, Workers workers, LanguageModel model, Corpus corpus) throws IOException {
        byte[] prompt = corpus.head(context);
        System.out.println("a sample:");
        Generator generator = new Generator(arena, workers, model, 0.7, 0, seed);
        System.out.write(prompt);
        generator.generate(prompt, sample, b -> System.out.write(b));
        System.out.println();
    }
}
