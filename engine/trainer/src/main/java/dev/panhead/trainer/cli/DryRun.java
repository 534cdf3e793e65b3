package dev.panhead.trainer.cli;

import dev.panhead.trainer.data.PositionList;
import dev.panhead.trainer.data.TokenData;
import dev.panhead.trainer.data.Tokens;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.Ansi.IStyle;
import picocli.CommandLine.Help.Ansi.Style;

/**
 * Shows what a training would learn from: tokens with their edges, learnt ones apart from masked ones. On a terminal the learnt
 * ones have a background, of two shades by turns; elsewhere, brackets: {@code masked|[learnt][tokens]|masked}.
 */
final class DryRun {

    private static final IStyle[][] SHADES = {{Style.fg_black, Style.bg_green}, {Style.fg_black, Style.bg_cyan}};

    private static final IStyle[] MASKED = {Style.faint};

    private final PrintStream out;
    private final TokenData data;
    private final boolean coloured;
    private int shade;

    private DryRun(PrintStream out, TokenData data, boolean coloured) {
        this.out = out;
        this.data = data;
        this.coloured = coloured;
    }

    /**
     * Prints the first tokens and a line about all.
     *
     * @param tokens how many to show; of the boundaries laid before conversations, none are shown or counted
     * @param heldOut how many of those to be predicted, the last ones, are not learnt
     * @param batch T, tokens learnt a step
     */
    static void print(PrintStream out, TokenData data, int tokens, long heldOut, int batch) {
        print(out, data, tokens, heldOut, batch, Ansi.AUTO.enabled());
    }

    /** The same, with or without colours. */
    static void print(PrintStream out, TokenData data, int tokens, long heldOut, int batch, boolean coloured) {
        DryRun run = new DryRun(out, data, coloured);
        run.show(tokens);
        run.summarize(heldOut, batch);
    }

    private void show(int most) {
        Tokens tokens = data.tokens();
        PositionList starts = data.conversations();
        long nextLearnt = 0;
        long nextStart = 0;
        boolean learntBefore = false;
        boolean lineBegins = true;
        long position = 0;
        for (int shown = 0; shown < most && position < tokens.size(); shown++, position++) {
            if (nextStart < starts.size() && isPadding(position, nextLearnt, starts.get(nextStart))) {
                position = starts.get(nextStart);
            }
            if (nextStart < starts.size() && position == starts.get(nextStart)) {
                out.printf(Locale.ROOT, "%sconversation %,d%n", lineBegins ? "" : System.lineSeparator(), ++nextStart);
                lineBegins = true;
            }
            boolean learnt = nextLearnt < data.count() && data.position(nextLearnt) == position;
            nextLearnt += learnt ? 1 : 0;
            byte[] said = data.tokenizer().bytes(tokens.at(position));
            String text = text(said);
            out.print(
                    !lineBegins && learnt != learntBefore && !coloured ? "|" + mark(text, learnt) : mark(text, learnt));
            lineBegins = said.length > 0 && said[said.length - 1] == '\n';
            if (lineBegins) {
                out.println();
            }
            learntBefore = learnt;
        }
        if (!lineBegins) {
            out.println();
        }
        if (position < tokens.size()) {
            out.println("...");
        }
    }

    /** Whether there is nothing but masked boundaries from here to the beginning of a conversation. */
    private boolean isPadding(long from, long nextLearnt, long start) {
        if (nextLearnt < data.count() && data.position(nextLearnt) < start) {
            return false;
        }
        for (long position = from; position < start; position++) {
            if (data.tokens().at(position) != data.tokenizer().boundary()) {
                return false;
            }
        }
        return true;
    }

    private String mark(String text, boolean learnt) {
        if (!coloured) {
            return learnt ? "[" + text + "]" : text;
        }
        IStyle[] style = learnt ? SHADES[shade ^= 1] : MASKED;
        return Style.on(style) + text + Style.off(style);
    }

    /** What a token says, safe for a terminal: control characters and parts of characters as escapes. */
    private static String text(byte[] bytes) {
        if (bytes.length == 0) {
            return "<|endoftext|>";
        }
        StringBuilder text = new StringBuilder();
        try {
            text.append(escaped(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString()));
        } catch (CharacterCodingException e) {
            for (byte b : bytes) {
                text.append(b >= 0 ? escaped((char) b) : String.format("\\x%02x", b));
            }
        }
        return text.toString();
    }

    /** A text, safe for a terminal and for a line. */
    static String escaped(String text) {
        StringBuilder escaped = new StringBuilder();
        text.chars().forEach(c -> escaped.append(escaped((char) c)));
        return escaped.toString();
    }

    private static String escaped(char c) {
        return switch (c) {
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> {
                boolean printed = !Character.isISOControl(c)
                        && c != '\u2028'
                        && c != '\u2029'
                        && Character.getDirectionality(c) <= Character.DIRECTIONALITY_OTHER_NEUTRALS;
                yield printed ? String.valueOf(c) : String.format(c < 0x100 ? "\\x%02x" : "\\u%04x", (int) c);
            }
        };
    }

    private void summarize(long heldOut, int batch) {
        long all = data.said();
        long learnt = data.count();
        long conversations = data.conversations().size();
        long batches = Math.ceilDiv(learnt - heldOut, batch);
        out.printf(
                Locale.ROOT,
                "%s%,d tokens, %,d of them to be predicted (%.1f %%)%s: %,d batch%s of %,d%n",
                conversations == 0
                        ? ""
                        : String.format(Locale.ROOT, "%,d conversation%s, ", conversations, plural(conversations, "s")),
                all,
                learnt,
                all == 0 ? 0.0 : 100.0 * learnt / all,
                heldOut == 0 ? "" : String.format(Locale.ROOT, ", the last %,d held out", heldOut),
                batches,
                plural(batches, "es"),
                batch);
    }

    private static String plural(long count, String ending) {
        return count == 1 ? "" : ending;
    }
}
