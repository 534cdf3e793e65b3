package dev.panhead.format;

import java.util.ArrayList;
import java.util.List;

/** Reads a header's text character by character; complains of what it does not find, and where. */
final class HeaderScanner {

    /** More dimensions than any program makes. */
    private static final int MAX_DIMENSIONS = 64;

    private final String text;
    private int at;

    HeaderScanner(String text) {
        this.text = text;
    }

    /** Characters read so far. */
    int position() {
        return at;
    }

    /** Whether the object or list that has just been opened ends at once. */
    boolean closes(char end) throws FormatException {
        skipBlanks();
        boolean closes = peek() == end;
        if (closes) {
            at++;
        }
        return closes;
    }

    /** Whether another element follows; the object or list ends otherwise. */
    boolean goesOn(char end) throws FormatException {
        if (closes(end)) {
            return false;
        }
        expect(',');
        skipBlanks();
        return true;
    }

    /** Whole numbers of at least 0, which end as said; one is not followed by a comma unless another comes. */
    List<Long> integers(char start, char end) throws FormatException {
        List<Long> integers = new ArrayList<>();
        int from = at;
        expect(start);
        for (boolean more = !closes(end); more; more = goesOn(end)) {
            addInteger(integers, from);
        }
        return List.copyOf(integers);
    }

    /** As {@link #integers}, but a comma may follow the last one too, as in Python, and must follow the only one. */
    List<Long> tuple() throws FormatException {
        List<Long> integers = new ArrayList<>();
        int from = at;
        expect('(');
        boolean comma = true;
        for (boolean more = !closes(')'); more; more = comma && !closes(')')) {
            addInteger(integers, from);
            comma = goesOn(')');
        }
        if (integers.size() == 1 && !comma) {
            throw new FormatException(
                    "header position " + from + ": a number in brackets, not a tuple: a comma is missing");
        }
        return List.copyOf(integers);
    }

    private void addInteger(List<Long> integers, int from) throws FormatException {
        if (integers.size() == MAX_DIMENSIONS) {
            throw new FormatException("header position " + from + ": more than " + MAX_DIMENSIONS + " integers");
        }
        integers.add(integer());
    }

    private long integer() throws FormatException {
        skipBlanks();
        int start = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        if (at == start) {
            throw unexpected("an integer");
        }
        if (at - start > 18 || at - start > 1 && text.charAt(start) == '0') {
            throw new FormatException(
                    "header position " + start + ": bad number " + text.substring(start, Math.min(at, start + 30)));
        }
        return Long.parseLong(text, start, at, 10);
    }

    /** Passes over blanks and ends of lines. */
    void skipBlanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    /** The next character, which is not passed over. */
    char peek() throws FormatException {
        if (at >= text.length()) {
            throw new FormatException("header ends in the middle, at position " + at);
        }
        return text.charAt(at);
    }

    /** The next character. */
    char next() throws FormatException {
        char c = peek();
        at++;
        return c;
    }

    /** Passes over one character, after blanks. */
    void expect(char c) throws FormatException {
        skipBlanks();
        if (peek() != c) {
            throw unexpected("'" + c + "'");
        }
        at++;
    }

    /** Passes over a word if it comes next. */
    boolean accepts(String word) {
        boolean accepts = text.startsWith(word, at);
        if (accepts) {
            at += word.length();
        }
        return accepts;
    }

    /** Only blanks may be left. */
    void expectEnd() throws FormatException {
        skipBlanks();
        if (at < text.length()) {
            throw unexpected("the end");
        }
    }

    /** What to throw if something else was to come next. */
    FormatException unexpected(String wanted) {
        return new FormatException("header position " + at + ": expected " + wanted + ", found "
                + (at < text.length() ? "'" + text.charAt(at) + "'" : "the end"));
    }

    /** Complains of a name that stands there a second time. */
    static void requireOnce(boolean once, int start, String name) throws FormatException {
        if (!once) {
            throw new FormatException("header position " + start + ": \"" + name + "\" stands there twice");
        }
    }
}
