package dev.panhead.trainer.data;

import java.util.List;
import java.util.SplittableRandom;

/** Texts of what the patterns of byte-pair encodings tell apart: letters of all kinds, marks, numbers, blanks, contractions. */
final class RandomTexts {

    private static final List<String> UNITS = List.of(
            "a",
            "b",
            "s",
            "t",
            "e",
            "l",
            "re",
            "word",
            "A",
            "I",
            "ABC",
            "Word",
            "é",
            "e\u0301",
            "ß",
            "ſ",
            "ǅ",
            "ʰ",
            "ª",
            "'",
            "'s",
            "'S",
            "'re",
            "'LL",
            "'ſ",
            "\u2019",
            "''",
            "0",
            "7",
            "12",
            "2026",
            "½",
            "Ⅷ",
            "٣",
            "²",
            "𝟘",
            "𝒜",
            "𐐀",
            "𐐨",
            " ",
            " ",
            " ",
            "  ",
            "     ",
            "\n",
            "\n",
            "\r\n",
            "\r",
            "\t",
            "\u000b",
            "\u0085",
            "\u00a0",
            "\u3000",
            "\u2028",
            "\u200b",
            "\0",
            ".",
            ",",
            "!",
            "/",
            "//",
            "-",
            "---",
            "_",
            "<|endoftext|>",
            "<|im_start|>",
            "(",
            ")",
            "\"",
            "字",
            "漢字",
            "。",
            "、",
            "ひらがな",
            "カタ",
            "한글",
            "ไทย",
            "हिन्दी",
            "عربي",
            "עברית",
            "🙂",
            "👩‍👩‍👧",
            "\u0301",
            "\u20dd",
            "\u093e",
            "\ufeff",
            "\ufffd",
            "\ue000",
            "\u0378",
            "€",
            "+",
            "😀😀");

    private RandomTexts() {}

    /** A text of up to so many units. */
    static String of(SplittableRandom random, int most) {
        StringBuilder text = new StringBuilder();
        // A few units by themselves, or all: both make what the other hardly does.
        int kinds = random.nextBoolean() ? UNITS.size() : random.nextInt(1, 6);
        int first = random.nextInt(UNITS.size());
        for (int n = random.nextInt(most + 1); n > 0; n--) {
            int step = random.nextInt(kinds);
            text.append(UNITS.get(kinds == UNITS.size() ? step : (first + step * 17) % UNITS.size()));
        }
        return text.toString();
    }
}
