package dev.panhead.format;

import static dev.panhead.format.HeaderScanner.requireOnce;

import java.nio.charset.StandardCharsets;
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

    /** What the header says of one tensor. */
    record Entry(String dtype, List<Long> shape, List<Long> offsets) {}

    /** What the header says, in its order. */
    record Header(Map<String, String> metadata, Map<String, Entry> tensors) {}

    private final HeaderScanner text;

    HeaderParser(String text) {
        this.text = new HeaderScanner(text);
    }

    /** Parses one header that fills the text, blanks aside. */
    Header parse() throws FormatException {
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, Entry> tensors = new LinkedHashMap<>();
        boolean described = false;
        text.expect('{');
        for (boolean more = !text.closes('}'); more; more = text.goesOn('}')) {
            int start = text.position();
            String name = string();
            text.expect(':');
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
        text.expectEnd();
        return new Header(metadata, tensors);
    }

    private void metadata(Map<String, String> metadata) throws FormatException {
        text.expect('{');
        for (boolean more = !text.closes('}'); more; more = text.goesOn('}')) {
            int start = text.position();
            String name = string();
            text.expect(':');
            requireOnce(metadata.put(name, string()) == null, start, METADATA + "." + name);
        }
    }

    private Entry entry(String name) throws FormatException {
        String dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        Set<String> seen = new HashSet<>();
        text.expect('{');
        for (boolean more = !text.closes('}'); more; more = text.goesOn('}')) {
            int start = text.position();
            String field = string();
            text.expect(':');
            requireOnce(seen.add(field), start, field);
            switch (field) {
                case "dtype" -> dtype = string();
                case "shape" -> shape = text.integers('[', ']');
                case "data_offsets" -> offsets = text.integers('[', ']');
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

    private String string() throws FormatException {
        text.expect('"');
        StringBuilder string = new StringBuilder();
        while (true) {
            char c = text.next();
            if (c == '"') {
                if (!StandardCharsets.UTF_8.newEncoder().canEncode(string)) {
                    throw new FormatException("header position " + (text.position() - 1)
                            + ": half of a surrogate pair in the string that ends here");
                }
                return string.toString();
            }
            if (c < ' ') {
                throw new FormatException(
                        "header position " + (text.position() - 1) + ": control character in a string");
            }
            string.append(c == '\\' ? escape() : c);
        }
    }

    private char escape() throws FormatException {
        char c = text.next();
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
                    char hex = text.next();
                    int digit = hex < 128 ? Character.digit(hex, 16) : -1;
                    if (digit < 0) {
                        throw new FormatException("header position " + (text.position() - 1) + ": bad \\u escape");
                    }
                    code = code * 16 + digit;
                }
                yield (char) code;
            }
            default -> throw new FormatException("header position " + (text.position() - 1) + ": bad escape \\" + c);
        };
    }
}
