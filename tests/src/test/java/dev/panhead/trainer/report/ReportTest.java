package dev.panhead.trainer.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the page and the picture say of made-up trainings. */
class ReportTest {

    @TempDir
    private Path folder;

    private Optional<String> obstacle;

    private String page(Metrics metrics) throws IOException {
        Path path = metrics.write(folder.resolve("metrics.jsonl"));
        obstacle = Report.write(path, folder.resolve("report.html"), folder.resolve("loss.png"));
        return Files.readString(folder.resolve("report.html"));
    }

    /** The page without scripts, styles, the charts' data and tags: what a reader reads. */
    private static String words(String page) {
        return page.replaceAll("(?s)<(script|style|head).*?</\\1>", "")
                .replaceAll("<[^>]*>", " ")
                .replace('\u00a0', ' ')
                .replaceAll("\\s+", " ");
    }

    private static Map<String, Object> json(String page) throws IOException {
        Matcher json = Pattern.compile("<script type=\"application/json\" id=\"curves\">(.*?)</script>")
                .matcher(page);
        assertTrue(json.find());
        return JSON.std.mapFrom(json.group(1));
    }

    private static List<?> chartNames(String page) throws IOException {
        return ((List<?>) json(page).get("charts"))
                .stream().map(chart -> ((Map<?, ?>) chart).get("id")).toList();
    }

    private static Map<?, ?> curve(String page, String chart, String label) throws IOException {
        for (Object object : (List<?>) json(page).get("charts")) {
            Map<?, ?> found = (Map<?, ?>) object;
            if (found.get("id").equals(chart)) {
                for (Object curve : (List<?>) found.get("curves")) {
                    if (((Map<?, ?>) curve).get("label").equals(label)) {
                        return (Map<?, ?>) curve;
                    }
                }
            }
        }
        throw new AssertionError("no curve " + label + " in chart " + chart);
    }

    @Test
    void theFiguresOfAWholeTrainingAreThere() throws IOException {
        String page = page(Metrics.ofText());
        String words = words(page);
        for (String expected : new String[] {
            "text, 5,002,889 bytes",
            "finished After step 4,000, 4,096,000 tokens.",
            "held-out loss 1.4000",
            "bits a byte 2.0198", // of the whole held-out part, not of the last part
            "perplexity 4.055",
            "accuracy 60.0 %",
            "speed 68,000",
            "time 1 min 0 s",
            "parameters 271,104",
            "learnt from 4,096,000 tokens",
            "all 500,289 tokens that were held out",
            "Step 4,000 In the beginning God said, of 4000",
            "14.20 the dream of king ␣ Nebuchadnezzar",
            "all 4 audits were within the bound , the largest relative error 1.2e-7",
            "learning rate 0.004",
            "schedule cosine",
            "processor AMD EPYC",
            "kernels vector, 512 bits",
            "started 26 November 2026, 01:02 UTC",
            "checkpoints 4, the last step-4000.safetensors",
            "4,000 1 min 0 s 4,096,000 1.3347 1.3947 2.0122 60.0 % 0.004 0.3 68,000", // a row of the table
            "Permission is hereby granted, free of charge"
        }) {
            assertTrue(words.contains(expected), () -> expected + " is not in " + words);
        }
        assertEquals(List.of("loss", "bits", "accuracy", "rate", "norm", "speed"), chartNames(page));
        assertEquals(Optional.empty(), obstacle);
    }

    @Test
    void theSameMetricsGiveTheSamePage() throws IOException {
        assertEquals(page(Metrics.ofText()), page(Metrics.ofText()));
    }

    @Test
    void thePageAsksForNothing() throws IOException {
        String page = page(Metrics.ofText());
        assertTrue(page.contains("default-src 'none'"), "no policy");
        assertFalse(page.matches("(?s).*(\\bsrc=|\\bhref=|url\\(|@import|<link).*"), "something is fetched");
        String style = page.substring(page.indexOf("<style>"), page.indexOf("</style>"));
        assertTrue(style.contains(".u-wrap"), "the chart library's style is missing");
        assertTrue(page.contains("uPlot (v1.6.30)"), "the chart library is missing");
    }

    @Test
    void whatTheDataSaysIsNeverMarkup() throws IOException {
        String hostile = Metrics.HOSTILE;
        Metrics metrics = new Metrics()
                .line(
                        "run",
                        "version",
                        hostile,
                        "started",
                        hostile,
                        "data",
                        hostile,
                        "model_type",
                        hostile,
                        "parameters",
                        1,
                        "kernel",
                        hostile,
                        "processor",
                        hostile,
                        "options",
                        Metrics.fields(hostile, hostile))
                .line("step", "step", 1, "loss", 1.5)
                .line("checkpoint", "step", 1, "file", hostile)
                .line("sample", "step", 1, "prompt", hostile, "text", hostile + "!")
                .line("sample", "step", 1, "text", hostile)
                .line(
                        "hardest",
                        "step",
                        1,
                        "tokens",
                        List.of(Metrics.fields("target", hostile, "prediction", hostile, "context", hostile)))
                .line("end", "reason", hostile);
        String page = page(metrics);
        assertEquals(3, page.split("<script", -1).length - 1);
        assertEquals(3, page.split("</script", -1).length - 1);
        assertFalse(page.contains("<img"), "an image got in");
        assertFalse(page.contains("\" onerror") || page.contains("' onerror"), "an attribute got in");
        int shown = page.split("&lt;img", -1).length - 1;
        assertTrue(shown >= 14, "shown only " + shown + " times");
        assertEquals(1, page.split("uPlot \\(v1", -1).length - 1, "the data chose a part of the template");
        assertTrue(words(page).contains("{{library}}$1\\"), "changed on the way");
    }

    @Test
    void charactersThatCannotBeSeenAreShown() throws IOException {
        Metrics metrics = new Metrics().raw("""
                        {"kind":"sample","step":1,"prompt":"","text":"a\\tb\\u0000c\\u001bd\\u202ee\\u200bf\\nnew line"}""").raw("""
                        {"kind":"hardest","step":1,"tokens":[{"target":" \\n\\t\\r\\u00a0","prediction":"\\ud800\\u007f","context":"x"}]}""");
        String page = page(metrics);
        for (String expected : new String[] {
            "U+0000", "U+001B", "U+202E", "U+200B", "␣", "↵", "⇥", "U+000D", "U+00A0", "U+D800", "U+007F"
        }) {
            assertTrue(page.contains(">" + expected + "</span>"), expected);
        }
        assertTrue(page.contains("a\tb"), "a text's tabs stay");
        assertTrue(page.contains("\nnew line"), "a text's lines stay");
        assertFalse(page.codePoints().anyMatch(c -> c == 0 || c == 0x1b || c == 0x202e || c == 0x200b || c == 0xfffd));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{ | line 2",
                "[1] | not a JSON object",
                "5 | not a JSON object",
                "nonsense | nonsense",
                "{\"kind\":\"step\"} | step is missing",
                "{\"kind\":\"step\",\"step\":\"x\"} | step is x, not a whole number",
                "{\"kind\":\"step\",\"step\":-1} | step is -1",
                "{\"kind\":\"step\",\"step\":1.5} | step is 1.5",
                "{\"kind\":\"step\",\"step\":99999999999999999999} | step is 9999",
                "{\"kind\":\"step\",\"step\":1,\"loss\":\"low\"} | loss is low, not a number",
                "{\"kind\":\"step\",\"step\":1} {} | more than one",
                "{\"kind\":\"hardest\",\"step\":1,\"tokens\":[3]} | array of objects",
                "{\"kind\":\"sample\",\"step\":1,\"text\":[]} | text is [], not a string",
                "{\"kind\":\"run\",\"options\":4} | options is 4, not an object",
                "{\"kind\":\"step\",\"step\":1,\"step\":2} | step"
            })
    void aMalformedLineIsAnErrorUnlessItIsTheLast(String line, String reason) throws IOException {
        Files.writeString(folder.resolve("report.html"), "the old one");
        Metrics inside =
                new Metrics().line("step", "step", 1, "loss", 2.5).raw(line).line("end", "step", 1);
        IOException error = assertThrows(IOException.class, () -> page(inside));
        assertTrue(error.getMessage().contains(folder.resolve("metrics.jsonl") + ", line 2: "), error.getMessage());
        assertTrue(error.getMessage().contains(reason), error.getMessage());
        assertEquals("the old one", Files.readString(folder.resolve("report.html")));
        assertFalse(Files.exists(folder.resolve("loss.png")));

        String page = page(new Metrics().line("step", "step", 1, "loss", 2.5).raw(line));
        assertTrue(words(page).contains("training loss 2.5000"), page);
    }

    @Test
    void aLineThatIsNoUtf8IsAnErrorUnlessItIsTheLast() throws IOException {
        byte[] line = "{\"kind\":\"sample\",\"step\":1,\"text\":\"caf\u00e9\"}\n".getBytes(StandardCharsets.ISO_8859_1);
        Path metrics = folder.resolve("metrics.jsonl");
        Files.write(metrics, line);
        assertTrue(MetricsReader.read(metrics).samples().isEmpty());
        byte[] twice = Arrays.copyOf(line, 2 * line.length);
        System.arraycopy(line, 0, twice, line.length, line.length);
        Files.write(metrics, twice);
        IOException error = assertThrows(IOException.class, () -> MetricsReader.read(metrics));
        assertTrue(error.getMessage().contains("line 1: "), error.getMessage());
    }

    @Test
    void aTornLineIsPassedOverAndTheTrainingIsNotFinished() throws IOException {
        String page = page(Metrics.ofHiddenStates());
        assertTrue(words(page).contains("not finished The last step noted is step 30."), words(page));
    }

    @Test
    void aTrainingWithoutTextHasRowsAndNoBits() throws IOException {
        String page = page(Metrics.ofHiddenStates());
        assertEquals(List.of("loss"), chartNames(page));
        String words = words(page);
        assertTrue(words.contains("loss row likeliest position 14.20 1234 11 7"), words);
        for (String absent :
                new String[] {"bits", "Samples", "Audits", "Configuration", "learning rate", "perplexity"}) {
            assertFalse(words.contains(absent), () -> absent + " in " + words);
        }
    }

    @Test
    void unknownKindsAndFieldsAndEmptyLinesAreIgnored() throws IOException {
        String plain = page(new Metrics().line("step", "step", 1, "loss", 2.5));
        String more = page(new Metrics()
                .raw("")
                .line("weather", "step", "sunny")
                .raw("{}")
                .line("step", "step", 1, "loss", 2.5, "mood", List.of("good"))
                .raw("  "));
        assertEquals(plain, more);
    }

    @Test
    void anEmptyFileGivesAPageThatSaysSoAndNoPicture() throws IOException {
        String page = page(new Metrics());
        assertTrue(words(page).contains("No step has been noted yet."), words(page));
        assertTrue(page.contains("<section class=\"curves\" hidden>"), page);
        assertEquals(List.of(), chartNames(page));
        assertEquals(Optional.of("no loss has been noted yet"), obstacle);
        assertFalse(Files.exists(folder.resolve("loss.png")));
    }

    @Test
    void aSingleStepIsDrawn() throws IOException {
        String page = page(new Metrics().line("step", "step", 0, "loss", 3.5));
        assertEquals(List.of(3.5), curve(page, "loss", "training").get("values"));
        assertEquals(Boolean.FALSE, json(page).get("timed")); // nothing says when it was
        assertTrue(colours(folder.resolve("loss.png")).getOrDefault(0x0b63b0, 0L) > 50);
    }

    @Test
    void whatIsNoNumberIsAGap() throws IOException {
        String page = page(new Metrics()
                .line("step", "step", 1, "seconds", 1, "loss", 2.5, "gradient_norm", Double.NaN)
                .line("step", "step", 2, "seconds", 2, "loss", Double.NaN, "gradient_norm", null)
                .raw("{\"kind\":\"step\",\"step\":3,\"seconds\":3,\"loss\":NaN}")
                .raw("{\"kind\":\"step\",\"step\":4,\"seconds\":4,\"loss\":Infinity}")
                .line("step", "step", 5, "seconds", 5, "loss", 1.5));
        assertEquals(
                Arrays.asList(2.5, null, null, null, 1.5),
                curve(page, "loss", "training").get("values"));
        assertEquals(List.of("loss"), chartNames(page));
        assertFalse(words(page).contains("NaN"), words(page));
        assertEquals(Optional.empty(), obstacle);
    }

    @Test
    void aVeryLongTrainingIsThinnedAndKeepsItsSpikes() throws IOException {
        Path metrics = folder.resolve("metrics.jsonl");
        try (var out = Files.newBufferedWriter(metrics)) {
            for (int step = 1; step <= 200_000; step++) {
                out.write("{\"kind\":\"step\",\"step\":" + step + ",\"tokens\":" + 1024L * step + ",\"seconds\":"
                        + 0.0123 * step
                        + ",\"loss\":" + (2 + 1000.0 / (step + 300) + (step * 7919L % 100) / 1000.0)
                        + ",\"bits_per_byte\":" + (3 + 1000.0 / (step + 300))
                        + ",\"learning_rate\":0.001,\"gradient_norm\":"
                        + (step == 123_457 ? 777.0 : 0.5 + step % 10 / 10.0)
                        + ",\"tokens_per_second\":" + (70_000 + step % 1000) + "}\n");
            }
        }
        Report.write(metrics, folder.resolve("report.html"), folder.resolve("loss.png"));
        String page = Files.readString(folder.resolve("report.html"));
        assertTrue(page.length() < 700_000, "the page has " + page.length() + " characters");
        Map<?, ?> norm = curve(page, "norm", "training");
        int spike = ((List<?>) norm.get("values")).indexOf(777);
        spike = spike < 0 ? ((List<?>) norm.get("values")).indexOf(777.0) : spike;
        assertEquals(123_457, ((List<?>) norm.get("steps")).get(spike));
        List<Integer> steps =
                ((List<?>) norm.get("steps")).stream().map(Integer.class::cast).toList();
        assertEquals(1, steps.getFirst());
        assertEquals(200_000, steps.getLast());
        for (int i = 1; i < steps.size(); i++) {
            assertTrue(steps.get(i - 1) < steps.get(i), "steps fall back at " + steps.get(i));
        }
        assertTrue(steps.size() > 1000, steps.size() + " steps are left");
        assertTrue(colours(folder.resolve("loss.png")).getOrDefault(0x0b63b0, 0L) > 5000);
    }

    @Test
    void whatWasDoneAgainAfterAResumeReplacesWhatCameBefore() throws IOException {
        String page = page(new Metrics()
                .line("step", "step", 10, "seconds", 10, "loss", 5)
                .line("step", "step", 20, "seconds", 20, "loss", 4)
                .line("step", "step", 30, "seconds", 30, "loss", 99)
                .line("evaluation", "step", 30, "seconds", 30, "loss", 99, "held_out_loss", 98)
                .line("sample", "step", 30, "text", "lost")
                .line("end", "step", 30, "reason", "interrupted")
                .line("resume", "step", 20, "seconds", 0)
                .line("step", "step", 30, "seconds", 7, "loss", 3)
                .line("evaluation", "step", 30, "seconds", 7, "loss", 3, "held_out_loss", 3.5)
                .line("step", "step", 40, "seconds", 17, "loss", 2));
        Map<?, ?> training = curve(page, "loss", "training");
        assertEquals(List.of(10, 20, 30, 40), training.get("steps"));
        assertEquals(List.of(5.0, 4.0, 3.0, 2.0), doubles(training.get("values")));
        assertEquals(List.of(10.0, 20.0, 27.0, 37.0), doubles(training.get("seconds"))); // the clock was set back
        assertEquals(List.of(3.5), doubles(curve(page, "loss", "held out").get("values")));
        assertEquals(List.of(20), json(page).get("resumes"));
        assertTrue(words(page).contains("not finished The last step noted is step 40"), words(page));
        assertFalse(page.contains("lost"), "a sample of a step that was done again");
        assertTrue(words(page).contains("resumed at step 20."), words(page));
    }

    private static List<Double> doubles(Object list) {
        return ((List<?>) list)
                .stream().map(number -> ((Number) number).doubleValue()).toList();
    }

    @Test
    void anEvaluationOfAPartIsCalledOne() throws IOException {
        String words = words(page(new Metrics()
                .line("run", "held_out_tokens", 5000)
                .line("evaluation", "step", 10, "held_out_loss", 2.0, "held_out_tokens", 500)
                .line("evaluation", "step", 20, "held_out_loss", 1.5, "held_out_tokens", 500)
                .line("evaluation", "step", 30, "held_out_loss", 1.75, "held_out_tokens", 500)));
        assertTrue(words.contains("held-out loss 1.7500"), words);
        assertTrue(words.contains("of 500 tokens, a part of those held out, at step 30"), words);
        assertTrue(words.contains("The lowest loss on the held-out part, 1.5000, was that of step 20."), words);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            500 | of all 500 tokens that were held out.
            501 | of 500 tokens, a part of those held out, at step 3.
                | of 500 tokens at step 3.
            """)
    void whatTheHeldOutFiguresAreOfIsSaidAsFarAsItIsKnown(Integer heldOut, String said) throws IOException {
        String words = words(page(new Metrics()
                .line("run", "held_out_tokens", heldOut)
                .line("evaluation", "step", 3, "held_out_loss", 2.0, "held_out_tokens", 500)));
        assertTrue(words.contains("Held-out figures are " + said), words);
    }

    @Test
    void anAuditOutOfBoundsStandsOut() throws IOException {
        String page = page(new Metrics()
                .line("audit", "step", 1, "tokens", 8, "max_rel_error", 1e-7, "bound", 1e-5)
                .line("audit", "step", 2, "tokens", 8, "max_rel_error", 3e-5, "bound", 1e-5)
                .line("audit", "step", 3, "tokens", 8, "max_rel_error", Double.NaN, "bound", 1e-5));
        String words = words(page);
        assertTrue(words.contains("2 of 3 were not within the bound"), words);
        assertTrue(words.contains("2 8 3e-5 1e-5 exceeded") || words.contains("2 8 3.00e-5 1.00e-5 exceeded"), words);
        assertTrue(page.contains("<details open>"), "the audits are hidden");
    }

    @Test
    void everyChartHasWordsAndTheFiguresAreATable() throws IOException {
        String page = page(Metrics.ofText());
        assertEquals(6, page.split("role=\"img\" aria-label=\"[^\"]+ by step\\.", -1).length - 1);
        assertTrue(page.contains("training: from 5."), "no words for the loss");
        assertTrue(page.contains("<table class=\"figures\">"), "no table");
    }

    @Test
    void filesThatAreNotThereAreNamedAndNothingIsWritten() throws IOException {
        Path metrics = Metrics.ofText().write(folder.resolve("metrics.jsonl"));
        Path missing = folder.resolve("missing");
        assertThrows(
                NoSuchFileException.class,
                () -> Report.write(metrics, missing.resolve("report.html"), missing.resolve("loss.png")));
        assertFalse(Files.exists(missing));
        assertThrows(
                NoSuchFileException.class,
                () -> Report.write(folder.resolve("none"), folder.resolve("a.html"), folder.resolve("a.png")));
        assertFalse(Files.exists(folder.resolve("a.html")));
    }

    @Test
    void thePictureHasTheCurves() throws IOException {
        page(Metrics.ofText());
        Map<Integer, Long> colours = colours(folder.resolve("loss.png"));
        assertTrue(colours.get(0xffffff) > 2_000_000, "background");
        assertTrue(colours.getOrDefault(0x0b63b0, 0L) > 5000, "training");
        assertTrue(colours.getOrDefault(0xb35900, 0L) > 5000, "held out");
    }

    /** How often a picture has each colour. */
    static Map<Integer, Long> colours(Path picture) throws IOException {
        BufferedImage image = ImageIO.read(picture.toFile());
        Map<Integer, Long> colours = new java.util.HashMap<>();
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                colours.merge(image.getRGB(x, y) & 0xffffff, 1L, Long::sum);
            }
        }
        return colours;
    }
}
