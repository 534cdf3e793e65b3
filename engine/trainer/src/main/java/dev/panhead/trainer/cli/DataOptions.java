package dev.panhead.trainer.cli;

import dev.panhead.trainer.data.ChatMl;
import dev.panhead.trainer.data.Conversations;
import dev.panhead.trainer.data.Examples;
import dev.panhead.trainer.data.HiddenExamples;
import dev.panhead.trainer.data.HiddenStates;
import dev.panhead.trainer.data.TokenData;
import dev.panhead.trainer.data.TokenReader;
import dev.panhead.trainer.data.Tokenizer;
import dev.panhead.trainer.data.WindowExamples;
import dev.panhead.trainer.model.ModelConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import picocli.CommandLine.Help;
import picocli.CommandLine.Option;

/** The options for what is learned or predicted: a text, conversations, or hidden states. */
@SectionedHelp.Section("Data")
final class DataOptions {

    @Option(
            names = "--text",
            paramLabel = "PATH",
            arity = "1..*",
            description = "Text: files, folders, .gz files and .zip archives, as one text; - for standard input.")
    private List<Path> text;

    @Option(
            names = "--chat",
            paramLabel = "PATH",
            arity = "1..*",
            description = {
                "Conversations, one JSON object a line: {\"prompt\", \"completion\"}, or {\"messages\": [{\"role\", \"content\"}]}; files as with --text.",
                "Completions and the assistant's turns are predicted."
            })
    private List<Path> chat;

    @Option(
            names = "--hidden",
            paramLabel = "PATH",
            arity = "1..*",
            description = {
                "Hidden states of another model, T x d: tensor hidden_states of .safetensors files, their folder or index; or .npy files.",
                "The tensor labels of the same files has the T tokens to predict; -100 is left out."
            })
    private List<Path> hidden;

    @Option(
            names = "--labels",
            paramLabel = "PATH",
            arity = "1..*",
            description = "The labels, where they are in files of their own.",
            showDefaultValue = Help.Visibility.NEVER)
    private List<Path> labels = new ArrayList<>();

    @Option(names = "--skip-bad-lines", description = "Pass over broken lines of --chat, and say how many.")
    private boolean skipBadLines;

    /** Checks that one kind of data is named. */
    void requireOne() {
        long named = Stream.of(text, chat, hidden).filter(Objects::nonNull).count();
        if (named != 1) {
            throw new UsageException(
                    named == 0
                            ? "one of --text, --chat and --hidden must say where the data is"
                            : "--text, --chat and --hidden do not go together: name one kind of data");
        }
        requireSense();
    }

    /** Checks that no option stands without the one that it goes with. */
    void requireSense() {
        if (skipBadLines && chat == null) {
            throw new UsageException("--skip-bad-lines goes with --chat");
        }
        if (!labels.isEmpty() && hidden == null) {
            throw new UsageException("--labels go with --hidden");
        }
    }

    /**
     * Data of the same kind that lies elsewhere.
     *
     * @param itsLabels where the labels of hidden states are, or null if they are with them
     */
    DataOptions at(List<Path> paths, List<Path> itsLabels) {
        DataOptions other = new DataOptions();
        other.text = text == null ? null : paths;
        other.chat = chat == null ? null : paths;
        other.hidden = hidden == null ? null : paths;
        other.labels = itsLabels == null ? List.of() : itsLabels;
        other.skipBadLines = skipBadLines;
        return other;
    }

    boolean isGiven() {
        return text != null || chat != null || hidden != null;
    }

    boolean isHidden() {
        return hidden != null;
    }

    /** In the words of people. */
    String noun() {
        return hidden != null ? "hidden states" : chat != null ? "conversations" : "text";
    }

    /** The hidden states that are named. */
    HiddenStates openHidden(Arena arena) throws IOException {
        return HiddenStates.open(hidden, labels, arena);
    }

    /** Reads the text or the conversations. */
    TokenData readTokens(Arena arena, Tokenizer tokenizer, int context) throws IOException {
        if (text != null) {
            return TokenReader.read(text, tokenizer, arena);
        }
        Conversations conversations = Conversations.read(chat, tokenizer, context, skipBadLines, arena);
        if (conversations.skipped() > 0) {
            System.err.printf(
                    "panhead: passed over %,d broken lines, the first: %s%n",
                    conversations.skipped(), conversations.firstErrors().getFirst());
        }
        int distance = conversations.ofMessages()
                ? ChatMl.distance(conversations.data().tokenizer())
                : 0;
        if (distance > 0 && context <= distance) {
            System.err.printf(
                    "panhead: a context of %,d tokens, but %,d stand between a question and its answer: the model cannot see what it is asked%n",
                    context, distance);
        }
        return conversations.data();
    }

    /** The data as a model of these dimensions takes it. */
    Examples open(Arena arena, ModelConfig config, Tokenizer tokenizer) throws IOException {
        requireOne();
        if ((config.window() == null) != isHidden()) {
            throw new UsageException(
                    config.window() == null
                            ? "the model is a head without an encoder and takes --hidden, not " + noun()
                            : "the model takes --text or --chat, not --hidden");
        }
        if (config.window() != null) {
            int context = config.window().context();
            return new WindowExamples(readTokens(arena, tokenizer, context), context);
        }
        HiddenStates states = openHidden(arena);
        if (states.width() != config.width()) {
            throw new IOException(hidden.getFirst() + ": the hidden states have width " + states.width()
                    + ", but the head has " + config.width());
        }
        states.requireLabelsBelow(config.vocabulary());
        return new HiddenExamples(states);
    }
}
