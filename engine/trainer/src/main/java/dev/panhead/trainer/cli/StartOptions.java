package dev.panhead.trainer.cli;

import dev.panhead.exec.Workers;
import dev.panhead.trainer.data.Examples;
import dev.panhead.trainer.data.HiddenExamples;
import dev.panhead.trainer.data.HiddenStates;
import dev.panhead.trainer.data.Part;
import dev.panhead.trainer.data.TokenData;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.data.WindowExamples;
import dev.panhead.trainer.loop.Training;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelConfig;
import dev.panhead.trainer.model.ModelFolder;
import dev.panhead.trainer.model.PretrainedHead;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Option;

/** The options for what a training starts from. */
@SectionedHelp.Section("Start")
final class StartOptions {

    /** What to say of a head's tensor. */
    static final String HEAD_TENSOR =
            "its tensor's name, " + LanguageModel.HEAD_WEIGHT + " by default; of a head that is"
                    + " tied to the embedding, that one's: model.embed_tokens.weight, wte.weight or the like.";

    @Option(
            names = "--held-out",
            paramLabel = "PATH",
            arity = "1..*",
            description = "Data of the same kind to evaluate on; by default, the last tenth of the other is held out.")
    private List<Path> heldOut;

    @Option(
            names = "--held-out-labels",
            paramLabel = "PATH",
            arity = "1..*",
            description = "With --hidden and --held-out: the labels, where they are in files of their own.")
    private List<Path> heldOutLabels;

    @Option(
            names = "--tokenizer",
            paramLabel = "NAME",
            description = "What --text and --chat are cut into: bytes, r50k_base, cl100k_base or o200k_base.")
    private String tokenizer = "bytes";

    @Option(names = "--all-tokens", description = "Keep tokens in the vocabulary that do not occur in what is learned.")
    private boolean allTokens;

    @Option(names = "--init-model", paramLabel = "FOLDER", description = "A model to go on from, as train wrote it.")
    private Path initModel;

    @Option(
            names = "--init-head",
            paramLabel = "PATH",
            description =
                    "With --hidden: the head of another model to start from, in a .safetensors file, folder or index.")
    private Path initHead;

    @Option(names = "--head-tensor", paramLabel = "NAME", description = "With --init-head: " + HEAD_TENSOR)
    private String headTensor;

    @Option(
            names = "--new-rows",
            paramLabel = "N",
            description = "With --init-head: rows for new tokens behind the old ones, their mean and some noise.")
    private int newRows;

    @Option(
            names = "--vocabulary",
            paramLabel = "V",
            description = "With --hidden and without --init-head: rows of the head; by default, as the labels need.",
            defaultValue = Option.NULL_VALUE)
    private Integer vocabulary;

    /** Opens the data and makes the model. */
    Beginning begin(Arena arena, Workers workers, DataOptions data, ModelShapeOptions shape, LearningOptions learning)
            throws IOException {
        if (heldOutLabels != null && (heldOut == null || !data.isHidden())) {
            throw new UsageException("--held-out-labels goes with --hidden and --held-out");
        }
        if (vocabulary != null && vocabulary < 1) {
            throw new UsageException("--vocabulary must be at least 1, but is " + vocabulary);
        }
        if (headTensor != null && initHead == null) {
            throw new UsageException("--head-tensor goes with --init-head");
        }
        if (data.isHidden()) {
            return fromHidden(arena, workers, data, shape, learning);
        }
        if (initHead != null || newRows != 0 || vocabulary != null) {
            throw new UsageException("--init-head, --new-rows and --vocabulary go with --hidden");
        }
        return fromText(arena, workers, data, shape, learning);
    }

    private Beginning fromText(
            Arena arena, Workers workers, DataOptions data, ModelShapeOptions shape, LearningOptions learning)
            throws IOException {
        LanguageModel model;
        TokenData text;
        String spelled = "";
        int context;
        if (initModel == null) {
            Tokenizer cutter;
            try {
                cutter = Tokenizer.named(tokenizer);
            } catch (IllegalArgumentException e) {
                throw new UsageException("--tokenizer: " + e.getMessage(), e);
            }
            context = shape.context();
            Kept kept = read(arena, data, cutter, context);
            text = kept.data();
            spelled = kept.more() == 0
                    ? ""
                    : String.format(
                            Locale.ROOT,
                            "; what only the held-out tenth has is spelled in bytes, %,d tokens more",
                            kept.more());
            model = create(arena, workers, shape.window(text.tokenizer().size()), learning);
        } else {
            ModelFolder.Loaded loaded = ModelFolder.load(initModel, arena, workers, maxTokens(learning));
            model = loaded.model();
            if (loaded.tokenizer() == null) {
                throw new UsageException(
                        "--init-model " + initModel + " is a head without an encoder: it goes with --hidden");
            }
            context = model.config().window().context();
            text = data.readTokens(arena, loaded.tokenizer(), context);
        }
        if (text.tokens().size() <= context) {
            throw new IOException("the " + data.noun() + " has " + text.tokens().size()
                    + " tokens, too few for a context of " + context + " and a held-out tenth");
        }
        Examples examples = new WindowExamples(text, context);
        String description = String.format(
                Locale.ROOT,
                "%,d tokens of %s in %,d kinds (%s%s)",
                text.said(),
                data.noun(),
                text.tokenizer().size(),
                text.tokenizer().name(),
                spelled);
        return split(arena, data, model, text.tokenizer(), examples, description);
    }

    /**
     * Data in the tokens that are kept.
     *
     * @param more how many more tokens it is, since what others stood for is spelled in bytes
     */
    private record Kept(TokenData data, long more) {}

    /** Reads the data and, unless all tokens are wanted, cuts the tokenizer down to those of the part that is learned. */
    private Kept read(Arena arena, DataOptions data, Tokenizer whole, int context) throws IOException {
        if (allTokens || whole == Tokenizer.bytes()) {
            return new Kept(data.readTokens(arena, whole, context), 0);
        }
        try (Arena own = Arena.ofShared()) {
            TokenData text = data.readTokens(own, whole, context);
            WindowExamples examples = new WindowExamples(text, context);
            long end = learned(examples);
            TokenData cut = text.keepingOccurring(examples.begin(end), arena);
            return new Kept(cut, cut.tokens().size() - text.tokens().size());
        }
    }

    /** How many of the examples are learned, the first ones. */
    private long learned(Examples examples) {
        return heldOut == null ? examples.lastTenth() : examples.count();
    }

    private static int maxTokens(LearningOptions learning) {
        return Math.max(learning.batch(), Training.EVALUATION_BATCH);
    }

    private static LanguageModel create(Arena arena, Workers workers, ModelConfig config, LearningOptions learning) {
        return LanguageModel.random(arena, workers, config, maxTokens(learning), learning.seed());
    }

    private Beginning fromHidden(
            Arena arena, Workers workers, DataOptions data, ModelShapeOptions shape, LearningOptions learning)
            throws IOException {
        if (initModel != null && initHead != null || initModel != null && newRows != 0) {
            throw new UsageException("--init-model is a whole model: --init-head and --new-rows do not go with it");
        }
        HiddenStates states = data.openHidden(arena);
        if (states.counted() == 0) {
            throw new IOException(
                    "all " + states.rows() + " labels are " + HiddenStates.IGNORED + ": there is nothing to learn");
        }
        LanguageModel model;
        if (initModel != null) {
            model = ModelFolder.load(initModel, arena, workers, maxTokens(learning))
                    .model();
        } else if (initHead != null) {
            PretrainedHead head = PretrainedHead.open(initHead, headTensor, arena);
            if (newRows < 0) {
                throw new UsageException("--new-rows must be at least 0, but is " + newRows);
            }
            int rows = (int) Math.min((long) head.vocabulary() + newRows, Integer.MAX_VALUE);
            ModelConfig config = shape.head(head.width(), rows, head.bias() != null);
            model = LanguageModel.ofZeros(arena, workers, config, maxTokens(learning));
            head.copyInto(model, learning.seed());
        } else {
            if (newRows != 0) {
                throw new UsageException("--new-rows goes with --init-head");
            }
            states.requireLabelsBelow(vocabulary == null ? ModelConfig.MOST_TOKENS : vocabulary);
            int rows = vocabulary == null ? states.largestLabel() + 1 : vocabulary;
            model = create(arena, workers, shape.head(states.width(), rows, true), learning);
        }
        if (model.config().window() != null || model.config().width() != states.width()) {
            throw new IOException("the hidden states have width " + states.width() + ", but the model takes "
                    + (model.config().window() != null
                            ? "text"
                            : "width " + model.config().width()));
        }
        try {
            states.requireLabelsBelow(model.config().vocabulary());
        } catch (IOException e) {
            throw initHead == null ? e : new IOException(e.getMessage() + "; --new-rows appends rows", e);
        }
        String description = String.format(
                Locale.ROOT, "%,d hidden states of width %,d (%s)", states.rows(), states.width(), states.dtype());
        return split(arena, data, model, null, new HiddenExamples(states), description);
    }

    private Beginning split(
            Arena arena,
            DataOptions data,
            LanguageModel model,
            Tokenizer tokenizer,
            Examples examples,
            String description)
            throws IOException {
        long end = learned(examples);
        Part learned = new Part(examples, 0, end);
        Part evaluated = heldOut == null
                ? new Part(examples, end, examples.count())
                : Part.all(data.at(heldOut, heldOutLabels).open(arena, model.config(), tokenizer));
        if (learned.count() == 0 || evaluated.count() == 0) {
            throw new IOException("there are " + examples.count() + " tokens to predict, too few to learn from some and"
                    + " hold out a tenth");
        }
        String start = initModel != null
                ? initModel.normalize().toString()
                : initHead != null ? initHead.normalize().toString() : Beginning.RANDOM;
        return new Beginning(model, tokenizer, learned, evaluated, description, start);
    }
}
