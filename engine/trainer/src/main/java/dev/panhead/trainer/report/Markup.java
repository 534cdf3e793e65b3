package dev.panhead.trainer.report;

/** Text from the data as HTML: nothing in it acts as markup, and nothing in it stays unseen. */
final class Markup {

    private Markup() {}

    /** Text on one line, as it is: ends of lines and tabs become spaces, what cannot be seen a mark. */
    static String line(String text) {
        return write(text, false, false);
    }

    /** Text over several lines. */
    static String passage(String text) {
        return write(text, true, false);
    }

    /** A token or so: its spaces, tabs and ends of lines are shown as well. */
    static String token(String text) {
        return write(text, false, true);
    }

    /** The first so many characters, and a sign if that is not all. */
    static String shorten(String text, int characters) {
        if (text.codePointCount(0, text.length()) <= characters) {
            return text;
        }
        return text.substring(0, text.offsetByCodePoints(0, characters)) + "…";
    }

    /** The last so many characters, and a sign if that is not all. */
    static String shortenStart(String text, int characters) {
        if (text.codePointCount(0, text.length()) <= characters) {
            return text;
        }
        return "…" + text.substring(text.offsetByCodePoints(text.length(), -characters));
    }

    private static String write(String text, boolean lines, boolean spaces) {
        StringBuilder html = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '&' -> html.append("&amp;");
                case '<' -> html.append("&lt;");
                case '>' -> html.append("&gt;");
                case '"' -> html.append("&quot;");
                case '\'' -> html.append("&#39;");
                case ' ' -> html.append(spaces ? mark("␣", "space") : " ");
                case '\n' -> html.append(lines ? "\n" : spaces ? mark("↵", "end of line") : " ");
                case '\t' -> html.append(lines ? "\t" : spaces ? mark("⇥", "tab") : " ");
                default -> {
                    if (isUnseen(c)) {
                        html.append("<span class=\"mark code\">U+%04X</span>".formatted(c));
                    } else {
                        html.appendCodePoint(c);
                    }
                }
            }
        });
        return html.toString();
    }

    /** Whether a character shows nothing, or changes how its neighbours show: controls, unusual spaces, halves of pairs. */
    private static boolean isUnseen(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.UNASSIGNED,
                    Character.PRIVATE_USE,
                    Character.SPACE_SEPARATOR,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        };
    }

    private static String mark(String sign, String name) {
        return "<span class=\"mark\" title=\"" + name + "\">" + sign + "</span>";
    }
}
