package dev.panhead.format;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A strict parser of a safetensors header: a JSON object that describes each tensor by {@code dtype}, {@code shape} and {@code
 * data_offsets}, and may hold strings in {@code __metadata__}. Whatever else JSON knows is refused where it stands, so that
 * a hostile header takes no more memory than an honest one; names may not be repeated.
 */
final class HeaderParser {

    /** The name that is no tensor's. */
    static final String METADATA = "__metadata__";

    /** More dimensions than any program makes. */
    private static final int MAX_DIMENSIONS = 64;

    /** What the header says of one tensor. */
    record Entry(String dtype, List<Long> shape, List<Long> offsets) {}

    /** What the header says, in its order. */
    record Header(Map<String, String> metadata, Map<String, Entry> tensors) {}

    private final String text;
    private int at;

    HeaderParser(String text) {
        this.text = text;
    }

    /** Parses one header that fills the text, blanks aside. */
    Header parse() throws FormatException {
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, Entry> tensors = new LinkedHashMap<>();
        boolean described = false;
        expect('{');
        for (boolean more = !closes('}'); more; more = goesOn('}')) {
            int start = at;
            String name = string();
            expect(':');
            boolean twice;
            if (name.equals(METADATA)) {
                twice = described;
                described = true;
                metadata(metadata);
            } else {
                twice = tensors.put(name, entry(name)) != null;
            }
            requireOnce(!twice, start, name);
        }
        skipBlanks();
        if (at < text.length()) {
            throw unexpected("the end");
        }
        return new Header(metadata, tensors);
    }

    private void metadata(Map<String, String> metadata) throws FormatException {
        expect('{');
        for (boolean more = !closes('}'); more; more = goesOn('}')) {
            int start = at;
            String name = string();
            expect(':');
            requireOnce(metadata.put(name, string()) == null, start, METADATA + "." + name);
        }
    }

    private Entry entry(String name) throws FormatException {
        String dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        Set<String> seen = new HashSet<>();
        expect('{');
        for (boolean more = !closes('}'); more; more = goesOn('}')) {
            int start = at;
            String field = string();
            expect(':');
            requireOnce(seen.add(field), start, field);
            switch (field) {
                case "dtype" -> dtype = string();
                case "shape" -> shape = integers();
                case "data_offsets" -> offsets = integers();
                default ->
                    throw new FormatException(
                            "header position " + start + ": tensor " + name + " has an unknown field " + field);
            }
        }
        if (dtype == null || shape == null || offsets == null) {
            throw new FormatException("tensor " + name + " is not described by dtype, shape and data_offsets");
        }
        return new Entry(dtype, shape, offsets);
    }

    private List<Long> integers() throws FormatException {
        List<Long> integers = new ArrayList<>();
        int start = at;
        expect('[');
        for (boolean more = !closes(']'); more; more = goesOn(']')) {
            if (integers.size() == MAX_DIMENSIONS) {
                throw new FormatException("header position " + start + ": more than " + MAX_DIMENSIONS + " integers");
            }
            integers.add(integer());
        }
        return List.copyOf(integers);
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

    private String string() throws FormatException {
        expect('"');
        StringBuilder string = new StringBuilder();
        while (true) {
            char c = next();
            if (c == '"') {
                return string.toString();
            }
            if (c < ' ') {
                throw new FormatException("header position " + (at - 1) + ": control character in a string");
            }
            string.append(c == '\\' ? escape() : c);
        }
    }

    private char escape() throws FormatException {
        char c = next();
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> {
                int code = 0;
                for (int i = 0; i < 4; i++) {
                    int digit = Character.digit(next(), 16);
                    if (digit < 0) {
                        throw new FormatException("header position " + (at - 1) + ": bad \\u escape");
                    }
                    code = code * 16 + digit;
                }
                yield (char) code;
            }
            default -> throw new FormatException("header position " + (at - 1) + ": bad escape \\" + c);
        };
    }

    /** Whether the object or array that has just been opened ends at once. */
    private boolean closes(char end) throws FormatException {
        skipBlanks();
        boolean closes = peek() == end;
        if (closes) {
            at++;
        }
        return closes;
    }

    /** Whether another element follows; the object or array ends otherwise. */
    private boolean goesOn(char end) throws FormatException {
        if (closes(end)) {
            return false;
        }
        expect(',');
        skipBlanks();
        return true;
    }

    private static void requireOnce(boolean once, int start, String name) throws FormatException {
        if (!once) {
            throw new FormatException("header position " + start + ": \"" + name + "\" stands there twice");
        }
    }

    private void skipBlanks() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private char peek() throws FormatException {
        if (at >= text.length()) {
            throw new FormatException("header ends in the middle, at position " + at);
        }
        return text.charAt(at);
    }

    private char next() throws FormatException {
        char c = peek();
        at++;
        return c;
    }

    private void expect(char c) throws FormatException {
        skipBlanks();
        if (peek() != c) {
            throw unexpected("'" + c + "'");
        }
        at++;
    }

    private FormatException unexpected(String wanted) {
        return new FormatException("header position " + at + ": expected " + wanted + ", found "
                + (at < text.length() ? "'" + text.charAt(at) + "'" : "the end"));
    }
}
