package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.format.Safetensors;
import dev.panhead.trainer.PanheadJar.Outcome;
import dev.panhead.trainer.PanheadJar.Running;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The command line's main job on the built jar: a small model is trained, and every other command uses it. */
class TrainedModelTest {

    private static final String TEXT = "the cat sat on the mat and the dog sat on the log. ".repeat(80);
    private static final int STEPS = 60;

    @TempDir
    private static Path folder;

    private static PanheadJar jar;
    private static PanheadJar quick;
    private static Outcome trained;

    @BeforeAll
    static void train() throws IOException, InterruptedException {
        jar = new PanheadJar(folder);
        quick = PanheadJar.quick(folder);
        Files.writeString(folder.resolve("text.txt"), TEXT);
        trained = trainInto("model", "text.txt", "2").succeeded();
    }

    private static Outcome trainInto(String out, String text, String threads) throws IOException, InterruptedException {
        return jar.run(
                "train",
                "--text",
                text,
                "--out",
                out,
                "--steps",
                Integer.toString(STEPS),
                "--batch",
                "128",
                "--context",
                "8",
                "--embedding",
                "8",
                "--width",
                "32",
                "--learning-rate",
                "0.01",
                "--threads",
                threads);
    }

    /** By scalars, of a model that was trained with vectors. */
    private static String evalJson(String text, String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("eval", "--model", "model", "--text", text, "--json"));
        arguments.addAll(List.of(options));
        return quick.run(arguments.toArray(String[]::new)).succeeded().out();
    }

    private static double number(String json, String key) {
        Matcher matcher = Pattern.compile("\"" + key + "\":([^,}]+)").matcher(json);
        assertTrue(matcher.find(), () -> key + " is missing in " + json);
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void trainingLearnsAndSaysSoInPlainLinesWhenPiped() throws IOException, InterruptedException {
        assertTrue(trained.out().contains("step " + STEPS + " "), trained.out());
        assertTrue(trained.out().contains("held out:"), trained.out());
        assertFalse(trained.out().contains("\r") || trained.out().contains("\u001b"), "drawn as on a terminal");
        String json = evalJson("text.txt", "--last-tenth");
        // Knowing nothing costs 8 bits a byte, and knowing only how often each byte comes 3.6.
        assertTrue(number(json, "bits_per_byte") < 2, json);
    }

    @Test
    void theOutputFolderHoldsTheModelItsConfigurationAndTheMetricsAndNothingElse() throws IOException {
        Set<String> names = new TreeSet<>();
        try (var files = Files.list(folder.resolve("model"))) {
            files.forEach(file -> names.add(file.getFileName().toString()));
        }
        names.remove("loss.png"); // drawn where this Java has fonts
        assertEquals(Set.of("config.json", "metrics.jsonl", "model.safetensors", "report.html"), names);
        try (Arena arena = Arena.ofConfined()) {
            Safetensors model = Safetensors.open(folder.resolve("model/model.safetensors"), arena);
            assertEquals(List.of(256L, 32L), model.tensor("lm_head.weight").shape());
            assertEquals(List.of(256L), model.tensor("lm_head.bias").shape());
        }
        String config = Files.readString(folder.resolve("model/config.json"));
        assertEquals(8, number(config.replace(" ", ""), "context"));
        List<String> lines = stepLines("model");
        assertEquals(STEPS, number(lines.getLast(), "step"));
        assertTrue(number(lines.getLast(), "loss") < number(lines.getFirst(), "loss"));
    }

    private static List<String> stepLines(String model) throws IOException {
        return Files.readAllLines(folder.resolve(model).resolve("metrics.jsonl")).stream()
                .filter(line -> line.startsWith("{\"kind\":\"step\""))
                .toList();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aTrainingThatIsKilledLeavesWhatWasInTheFolder() throws IOException, InterruptedException {
        jar.copy("model", "kept");
        Map<String, String> before = contents("kept");
        Running running =
                quick.start("train", "--text", "text.txt", "--out", "kept", "--seconds", "600", "--batch", "64");
        running.awaitOutput("step 1 ");
        running.signal("KILL");
        running.outcome();
        Map<String, String> after = contents("kept");
        assertFalse(after.remove("metrics.jsonl.partial").isEmpty());
        assertEquals("", after.remove(".lock"));
        assertEquals(before, after);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void whatNobodyReadsIsNotWorkedOutToTheEnd() throws IOException, InterruptedException {
        endsWithItsReader("yes hello |", "score", "");
        endsWithItsReader("", "generate", "--past-end --tokens 2000000000 --temperature 5");
    }

    private static void endsWithItsReader(String before, String command, String options)
            throws IOException, InterruptedException {
        Process head = new ProcessBuilder(
                        "sh",
                        "-c",
                        "(" + before + "\"$0\" -jar \"$1\" " + command + " --model model " + options
                                + "; echo $? >code.txt) 2>err.txt | head -n 2",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        System.getProperty("panhead.jar"))
                .directory(folder.toFile())
                .start();
        assertTrue(head.waitFor(60, TimeUnit.SECONDS), command + " goes on");
        String read = new String(head.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        assertEquals(2, read.chars().filter(c -> c == '\n').count());
        assertEquals("", Files.readString(folder.resolve("err.txt")));
        assertEquals("141", Files.readString(folder.resolve("code.txt")).strip());
    }

    private Map<String, String> contents(String name) throws IOException {
        Map<String, String> contents = new TreeMap<>();
        try (var files = Files.list(folder.resolve(name))) {
            for (Path file : files.toList()) {
                contents.put(file.getFileName().toString(), Files.readString(file, StandardCharsets.ISO_8859_1));
            }
        }
        return contents;
    }

    @Test
    void aTrainingByTimeLearnsFromItsFirstStep() throws IOException, InterruptedException {
        quick.run(
                        "train",
                        "--text",
                        "text.txt",
                        "--out",
                        "timed",
                        "--seconds",
                        "0.01",
                        "--batch",
                        "64",
                        "--width",
                        "16")
                .succeeded();
        String first = stepLines("timed").getFirst();
        assertTrue(number(first, "learning_rate") > 0, first);
        assertTrue(quick.run(
                        "train",
                        "--text",
                        "text.txt",
                        "--out",
                        "timed",
                        "--steps",
                        "1",
                        "--batch",
                        "64",
                        "--width",
                        "16")
                .succeeded()
                .out()
                .contains("replaces the model in timed"));
    }

    @Test
    void aNumberOfStepsGivesTheSameModelToTheBitWithAnyThreads() throws IOException, InterruptedException {
        trainInto("again", "text.txt", "1").succeeded();
        assertArrayEquals(
                Files.readAllBytes(folder.resolve("model/model.safetensors")),
                Files.readAllBytes(folder.resolve("again/model.safetensors")));
    }

    @Test
    void aFolderAndAnArchiveAreTheTextsInThemInTheOrderOfTheirNames() throws IOException, InterruptedException {
        byte[] first = TEXT.substring(0, 1000).getBytes(StandardCharsets.UTF_8);
        byte[] second = {(byte) 0xff, (byte) 0xc0, 'x', '\n', (byte) 0x80}; // not UTF-8
        Files.createDirectories(folder.resolve("texts/deep"));
        Files.write(folder.resolve("texts/deep/b.txt"), second);
        Files.write(folder.resolve("texts/a.txt"), first);
        Files.writeString(folder.resolve("texts/.hidden"), "not to be read");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(folder.resolve("texts.zip")))) {
            zip.putNextEntry(new ZipEntry("deep/b.txt"));
            zip.write(second);
            zip.putNextEntry(new ZipEntry("a.txt"));
            zip.write(first);
        }
        byte[] joined = new byte[first.length + second.length];
        System.arraycopy(first, 0, joined, 0, first.length);
        System.arraycopy(second, 0, joined, first.length, second.length);
        Files.write(folder.resolve("joined.txt"), joined);
        String expected = evalJson("joined.txt");
        assertEquals(joined.length, number(expected, "tokens"));
        for (String text : List.of("texts", "texts.zip")) {
            assertEquals(expected, evalJson(text), text);
        }
        if (!OS.WINDOWS.isCurrentOs()) {
            Files.createSymbolicLink(folder.resolve("linked"), Path.of("texts"));
            assertEquals(expected, evalJson("linked"), "a link to a folder");
            Files.createDirectory(folder.resolve("around"));
            Files.createSymbolicLink(folder.resolve("around/texts"), folder.resolve("texts"));
            assertEquals(expected, evalJson("around"), "a link in a folder");
            Files.createSymbolicLink(folder.resolve("around/ring"), folder.resolve("around"));
            quick.run("eval", "--model", "model", "--text", "around").failed(1, "is a link to what it is in");
        }
        String[] piped = {"eval", "--model", "model", "--json", "--text", "-"};
        assertEquals(expected, quick.runWithInput(joined, piped).succeeded().out(), "standard input");
        quick.runWithInput(new byte[0], piped).failed(1, "there is no text in standard input");
    }

    @Test
    void evalAgreesWithItselfInOtherUnits() throws IOException, InterruptedException {
        String json = evalJson("text.txt");
        double loss = number(json, "loss");
        assertEquals(TEXT.length(), number(json, "tokens"));
        assertEquals(Math.exp(loss), number(json, "perplexity"), 1e-9 * Math.exp(loss));
        assertEquals(loss / Math.log(2), number(json, "bits_per_byte"), 1e-12);
        assertTrue(json.matches("\\{[^\\n]*}\\R"), "not one object: " + json);
    }

    @Test
    void scoreGivesEachLineItsLogProbabilityInOrder() throws IOException, InterruptedException {
        List<String> lines = List.of("the cat sat on the mat", "", "qqq zzz xxx vvv jjj ##", "the dog sat");
        String out = jar.runWithInput(
                        String.join("\n", lines).getBytes(StandardCharsets.UTF_8), "score", "--model", "model")
                .succeeded()
                .out();
        List<Double> scores = new ArrayList<>();
        List<String> scored = new ArrayList<>();
        for (String line : out.split("\\R")) {
            String[] parts = line.split("\t", 2);
            scores.add(Double.parseDouble(parts[0]));
            scored.add(parts[1]);
        }
        assertEquals(lines, scored);
        assertTrue(scores.stream().allMatch(score -> score < 0), out);
        assertTrue(scores.get(0) > scores.get(2) + 20, () -> "the text's line is hardly likelier than noise: " + out);
        // A line's log-probability is the sum over its bytes, its end included: what eval says of that line as a text.
        Files.writeString(folder.resolve("line.txt"), lines.get(0) + "\n");
        String json = evalJson("line.txt");
        assertEquals(-number(json, "loss") * number(json, "tokens"), scores.get(0), 1e-4);
    }

    @Test
    void generateContinuesThePromptAndRepeatsItselfForASeed() throws IOException, InterruptedException {
        byte[] once = generate("--seed", "7", "--temperature", "1.5");
        assertArrayEquals(once, generate("--seed", "7", "--temperature", "1.5"));
        assertFalse(java.util.Arrays.equals(once, generate("--seed", "8", "--temperature", "1.5")));
        byte[] likeliestBytes = generate("--temperature", "0");
        String likeliest = new String(likeliestBytes, StandardCharsets.UTF_8);
        assertTrue(likeliest.startsWith("the cat"), likeliest);
        assertEquals("the cat".length() + 40 + System.lineSeparator().length(), likeliest.length());
        assertArrayEquals(
                likeliestBytes,
                generate("--top-k", "1", "--temperature", "1.5", "--seed", "9"),
                "the likeliest byte alone leaves nothing to draw");
    }

    private static byte[] generate(String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(
                List.of("generate", "--model", "model", "--prompt", "the cat", "--past-end", "--tokens", "40"));
        arguments.addAll(List.of(options));
        return quick.run(arguments.toArray(String[]::new)).succeeded().outBytes();
    }

    @Test
    void validatePassesWithinItsBoundAndFailsBeyondIt() throws IOException, InterruptedException {
        // A text that is new to the model: where it knows every byte, gradients cancel to hardly more than rounding.
        Files.writeString(folder.resolve("new.txt"), "gods hate a lost toad, the moon totted. ".repeat(9));
        Outcome usual = jar.run("validate", "--model", "model", "--text", "new.txt", "--json");
        String json = usual.succeeded().out();
        assertTrue(json.contains("\"passed\":true"), json);
        assertTrue(number(json, "max_rel_error") <= 1e-5, json);
        assertTrue(number(json, "max_abs_error") > 0, json); // float32 is not exact
        Outcome strict = quick.run("validate", "--model", "model", "--text", "new.txt", "--json", "--bound", "1e-15");
        assertEquals(1, strict.exit());
        assertTrue(strict.out().contains("\"passed\":false"), strict.out());
        String table = quick.run("validate", "--model", "model", "--text", "new.txt")
                .succeeded()
                .out();
        assertTrue(table.matches("(?s)passed: .*loss .*dX .*dW .*db .*"), table);
    }
}
