package dev.panhead.format;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A strict parser of the JSON that a safetensors header may hold: objects, strings, arrays and non-negative integers. Names
 * may not be repeated; nesting is at most four deep.
 */
final class HeaderParser {

    private static final int MAX_DEPTH = 4;

    private final String text;
    private int at;

    HeaderParser(String text) {
        this.text = text;
    }

    /** Parses one object that fills the text, blanks aside. Values are Map, List, String or Long. */
    Map<String, Object> parse() throws FormatException {
        Map<String, Object> object = object(1);
        skipBlanks();
        if (at < text.length()) {
            throw unexpected("the end");
        }
        return object;
    }

    private Object value(int depth) throws FormatException {
        skipBlanks();
        char c = peek();
        if (depth > MAX_DEPTH) {
            throw new FormatException("header position " + at + ": nested too deeply");
        }
        if (c == '{') {
            return object(depth);
        }
        if (c == '[') {
            return array(depth);
        }
        if (c == '"') {
            return string();
        }
        if (c >= '0' && c <= '9') {
            return number();
        }
        throw unexpected("a value");
    }

    private Map<String, Object> object(int depth) throws FormatException {
        expect('{');
        Map<String, Object> object = new LinkedHashMap<>();
        skipBlanks();
        if (peek() == '}') {
            at++;
            return object;
        }
        while (true) {
            skipBlanks();
            int start = at;
            String name = string();
            expect(':');
            if (object.put(name, value(depth + 1)) != null) {
                throw new FormatException("header position " + start + ": \"" + name + "\" stands there twice");
            }
            skipBlanks();
            if (peek() == '}') {
                at++;
                return object;
            }
            expect(',');
        }
    }

    private List<Object> array(int depth) throws FormatException {
        expect('[');
        List<Object> array = new ArrayList<>();
        skipBlanks();
        if (peek() == ']') {
            at++;
            return array;
        }
        while (true) {
            array.add(value(depth + 1));
            skipBlanks();
            if (peek() == ']') {
                at++;
                return array;
            }
            expect(',');
        }
    }

    private Long number() throws FormatException {
        int start = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        String digits = text.substring(start, at);
        if (digits.length() > 1 && digits.charAt(0) == '0' || digits.length() > 18) {
            throw new FormatException("header position " + start + ": bad number " + digits);
        }
        return Long.parseLong(digits);
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
