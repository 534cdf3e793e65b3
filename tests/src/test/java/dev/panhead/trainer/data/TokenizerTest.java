package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {

    static List<String> names() {
        return Tokenizer.names();
    }

    static int[] encode(Tokenizer tokenizer, String text) {
        IntStream.Builder tokens = IntStream.builder();
        tokenizer.encode(text, tokens);
        return tokens.build().toArray();
    }

    static byte[] decode(Tokenizer tokenizer, int... tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int token : tokens) {
            assertEquals(tokenizer.length(token), tokenizer.bytes(token).length);
            bytes.writeBytes(tokenizer.bytes(token));
        }
        return bytes.toByteArray();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The ids are those that OpenAI's documents give for its own tokenizer. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            cl100k_base | tiktoken is great! | 83 1609 5963 374 2294 0
            cl100k_base | antidisestablishmentarianism | 519 85342 34500 479 8997 2191
            cl100k_base | 2 + 2 = 4 | 17 489 220 17 284 220 19
            cl100k_base | お誕生日おめでとう | 33334 45918 243 21990 9080 33334 62004 16556 78699
            o200k_base | antidisestablishmentarianism | 493 129901 376 160388 21203 2367
            o200k_base | お誕生日おめでとう | 8930 9697 243 128225 8930 17693 4344 48669
            r50k_base | 2 + 2 = 4 | 17 1343 362 796 604
            r50k_base | お誕生日おめでとう | 2515 232 45739 243 37955 33768 98 2515 232 1792 223 30640 30201 29557
            bytes | é! | 195 169 33
            """)
    void encodesAsIsKnownElsewhere(String name, String text, String ids) {
        assertEquals(
                ids,
                String.join(
                        " ",
                        Arrays.stream(encode(Tokenizer.named(name), text))
                                .mapToObj(Integer::toString)
                                .toList()));
    }

    @ParameterizedTest
    @CsvSource({"bytes, 256, 0", "r50k_base, 50257, 50256", "cl100k_base, 100258, 100257", "o200k_base, 200000, 199999"
    })
    void hasTheSizeAndBoundaryOfItsVocabulary(String name, int size, int boundary) {
        Tokenizer tokenizer = Tokenizer.named(name);
        assertEquals(name, tokenizer.name());
        assertEquals(size, tokenizer.size());
        assertEquals(boundary, tokenizer.boundary());
        assertEquals(name.equals("bytes") ? 1 : 0, tokenizer.length(boundary));
        assertEquals(0, tokenizer.kept().length);
        assertThrows(IndexOutOfBoundsException.class, () -> tokenizer.bytes(size));
        assertThrows(IndexOutOfBoundsException.class, () -> tokenizer.length(-1));
    }

    @ParameterizedTest
    @MethodSource("names")
    void losesNothingWholeOrCutDown(String name) {
        Tokenizer whole = Tokenizer.named(name);
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 300; i++) {
            String text = RandomTexts.of(random, 60);
            int[] ids = encode(whole, text);
            assertArrayEquals(utf8(text), decode(whole, ids), text);
            Tokenizer same = whole.keeping(ids);
            assertArrayEquals(decode(whole, ids), decode(same, encode(same, text)), text);
            assertEquals(ids.length, encode(same, text).length, text);
            String other = RandomTexts.of(random, 60);
            assertArrayEquals(utf8(other), decode(same, encode(same, other)), other);
        }
    }

    @Test
    void keepsTheTokensAskedForAllBytesAndTheBoundary() {
        Tokenizer whole = Tokenizer.named("cl100k_base");
        Tokenizer compact = whole.keeping(new int[] {15339, 1917, 1917, 300});
        assertEquals(256 + 3 + 1, compact.size());
        assertEquals(compact.size() - 1, compact.boundary());
        assertEquals(0, compact.length(compact.boundary()));
        int[] kept = compact.kept();
        assertArrayEquals(Arrays.stream(kept).sorted().distinct().toArray(), kept);
        for (int token = 0; token < compact.size(); token++) {
            assertArrayEquals(whole.bytes(kept[token]), compact.bytes(token));
        }
        assertArrayEquals(new int[] {258, 257}, encode(compact, "hello world"));
        assertArrayEquals(utf8(" worlds"), decode(compact, encode(compact, " worlds")));
        assertEquals(" earth".length(), encode(compact, " earth").length);
        assertEquals(257, whole.keeping(new int[0]).size());
        assertEquals(260, compact.keeping(compact.kept()).size());
        for (int bad : new int[] {-1, 100258}) {
            Exception e = assertThrows(IllegalArgumentException.class, () -> whole.keeping(new int[] {bad}));
            assertTrue(e.getMessage().contains("no token " + bad), e.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> Tokenizer.bytes().keeping(new int[] {256}));
    }

    @ParameterizedTest
    @MethodSource("names")
    void comesBackFromItsDescription(String name) throws IOException {
        Tokenizer whole = Tokenizer.named(name);
        for (Tokenizer tokenizer : List.of(whole, whole.keeping(encode(whole, "In the beginning was the Word.")))) {
            Map<String, Object> read = JSON.std.mapFrom(JSON.std.asString(tokenizer.describe()));
            read.put("comment", "is passed over");
            Tokenizer back = Tokenizer.of(read, tokenizer.kept());
            assertEquals(tokenizer.describe(), back.describe());
            assertArrayEquals(tokenizer.kept(), back.kept());
            assertArrayEquals(encode(tokenizer, "the Words"), encode(back, "the Words"));
        }
    }

    @Test
    void refusesDescriptionsThatDoNotFit() {
        Tokenizer compact = Tokenizer.named("r50k_base").keeping(new int[] {1000});
        int[] kept = compact.kept();
        Map<String, Object> description = compact.describe();
        Map<String, Object> nameless = new LinkedHashMap<>(description);
        nameless.put("name", 7);
        refuses("name is 7", nameless, kept);
        refuses("there is no tokenizer p50k_base; there are bytes, r50k_base, ", Map.of("name", "p50k_base"), kept);
        refuses("with 0 kept ids", description, new int[0]);
        refuses("not ascending", description, Arrays.copyOf(kept, kept.length - 1));
        int[] swapped = kept.clone();
        swapped[0] = kept[1];
        swapped[1] = kept[0];
        refuses("not ascending", description, swapped);
        int[] unknown = kept.clone();
        unknown[5] = 60_000;
        refuses("no token 60000", description, unknown);
        refuses("kept ids", Tokenizer.bytes().describe(), new int[] {1, 2});
    }

    private static void refuses(String reason, Map<String, Object> description, int[] kept) {
        Exception e = assertThrows(IllegalArgumentException.class, () -> Tokenizer.of(description, kept));
        assertTrue(e.getMessage().contains(reason), e.getMessage());
    }

    @Test
    void specialTokensInTextAreText() {
        for (String name : List.of("r50k_base", "cl100k_base", "o200k_base")) {
            Tokenizer tokenizer = Tokenizer.named(name);
            int[] tokens = encode(tokenizer, "a<|endoftext|>b");
            assertTrue(Arrays.stream(tokens).noneMatch(token -> token == tokenizer.boundary()), name);
            assertEquals("a<|endoftext|>b", new String(decode(tokenizer, tokens), StandardCharsets.UTF_8));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\ud800", "a\ud800b", "a\udc00\ud800"})
    void halfACharacterIsNoText(String text) {
        for (String name : names()) {
            Exception e = assertThrows(IllegalArgumentException.class, () -> encode(Tokenizer.named(name), text));
            assertTrue(e.getMessage().contains("character 1 "), e.getMessage());
        }
    }

    @Test
    void onlyBytesTakeWhatIsNotUtf8() throws TextException {
        byte[] invalid = {'a', 'b', (byte) 0xc3, (byte) 0x28};
        IntStream.Builder tokens = IntStream.builder();
        Tokenizer.bytes().encode(invalid, tokens);
        assertArrayEquals(invalid, decode(Tokenizer.bytes(), tokens.build().toArray()));
        Exception e = assertThrows(
                TextException.class, () -> Tokenizer.named("cl100k_base").encode(invalid, IntStream.builder()));
        assertEquals("byte 2 (0xc3) is not valid UTF-8", e.getMessage());
    }

    @Test
    void manyCharactersWithoutABlankAreNoTrouble() {
        for (String name : List.of("r50k_base", "cl100k_base", "o200k_base")) {
            Tokenizer tokenizer = Tokenizer.named(name);
            for (String unit : List.of("a", "A", " ", "\n", "1", "-", "字", "🙂")) {
                String text = unit.repeat((1 << 17) + 3);
                assertArrayEquals(utf8(text), decode(tokenizer, encode(tokenizer, text)), name + " " + unit);
            }
        }
    }
}
