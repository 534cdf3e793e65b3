package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The compare command of the built jar. */
class CompareCommandTest {

    private static final String RUN =
            "{\"kind\":\"run\",\"threads\":2,\"options\":{\"batch\":64,\"gradient\":\"%s\",\"seed\":%d}}%n";

    private static final String LOOK =
            "{\"kind\":\"evaluation\",\"step\":%d,\"seconds\":%s,\"tokens\":%d,\"held_out_loss\":%s,\"held_out_tokens\":90}%n";

    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G'};

    @TempDir
    private Path folder;

    private PanheadJar jar;

    @BeforeEach
    void writeMetrics() throws IOException, InterruptedException {
        jar = PanheadJar.quick(folder);
        write(
                "slow",
                RUN.formatted("exact", 1)
                        + LOOK.formatted(10, "4.0", 640, "3.5")
                        + LOOK.formatted(20, "8.0", 1280, "3.25"));
        write(
                "fast",
                RUN.formatted("unbiased", 1)
                        + LOOK.formatted(10, "1.0", 640, "3.75")
                        + LOOK.formatted(20, "2.0", 1280, "3.125")
                        + LOOK.formatted(30, "3.0", 1920, "3.0"));
    }

    private void write(String name, String metrics) throws IOException {
        Files.writeString(Files.createDirectories(folder.resolve(name)).resolve("metrics.jsonl"), metrics);
    }

    private String line(String out, String name) {
        return out.lines()
                .filter(line -> line.startsWith(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError(name + " is missing in " + out))
                .replaceAll(" {2,}", "|");
    }

    @Test
    void whatDiffersAndWhatCameOfItStandSideBySide() throws IOException, InterruptedException {
        String out = jar.run("compare", "slow", "fast").succeeded().out();
        assertTrue(out.lines().findFirst().orElseThrow().strip().matches("slow +fast"), out);
        assertEquals("gradient|exact|unbiased", line(out, "gradient"));
        assertEquals("steps done|20|30", line(out, "steps done"));
        assertEquals("tokens|1,280|1,920", line(out, "tokens"));
        assertEquals("time|8.0 s|3.0 s", line(out, "time"));
        assertEquals("tokens a second|160|640", line(out, "tokens a second"));
        assertEquals("held out, in part: lowest|3.2500|3.0000", line(out, "held out, in part"));
        assertFalse(out.contains("held-out loss") || out.contains("bits a byte"), "there is none at the end: " + out);
        assertFalse(out.contains("seed") || out.contains("batch") || out.contains("threads"), "all alike: " + out);
        assertFalse(out.contains("different"), out);
    }

    @Test
    void theTimeIsThatToTheLowestLossThatAllHaveReached() throws IOException, InterruptedException {
        assertEquals(
                "time to 3.2500 there|8.0 s|2.0 s",
                line(jar.run("compare", "slow", "fast").succeeded().out(), "time to"));
        write("none", RUN.formatted("exact", 2));
        String out = jar.run("compare", "slow", "none", "fast").succeeded().out();
        assertEquals("time to 3.2500 there|8.0 s|–|2.0 s", line(out, "time to"));
        assertFalse(jar.run("compare", "slow", "none").succeeded().out().contains("time to"), "one alone has a loss");
    }

    @Test
    void theEndIsOfAllThatIsHeldOutAndApartFromTheLooksOnTheWay() throws IOException, InterruptedException {
        String end = LOOK.formatted(30, "9.0", 1920, "2.5")
                .replace("}", ",\"whole\":true,\"held_out_bits_per_byte\":1.25,\"held_out_accuracy\":0.5}");
        String step = "{\"kind\":\"step\",\"step\":29,\"seconds\":8.5,\"tokens\":1900,\"tokens_per_second\":333}%n"
                .formatted();
        write("slow", RUN.formatted("exact", 1) + LOOK.formatted(10, "4.0", 640, "3.5") + step + end);
        String out = jar.run("compare", "slow", "fast").succeeded().out();
        assertEquals("held-out loss|2.5000|–", line(out, "held-out loss"));
        assertEquals("bits a byte|1.2500|–", line(out, "bits a byte"));
        assertEquals("accuracy, %|50.00|–", line(out, "accuracy"));
        assertEquals("held out, in part: lowest|3.5000|3.0000", line(out, "held out, in part"));
        assertEquals("time to 3.5000 there|4.0 s|2.0 s", line(out, "time to"));
        assertEquals("tokens a second|333|640", line(out, "tokens a second"));
    }

    @Test
    void noTimeIsComparedWhereWhatIsHeldOutDiffers() throws IOException, InterruptedException {
        String run = RUN.formatted("exact", 1);
        String look = LOOK.formatted(1, "1.0", 64, "3.5");
        write("bytes", run.replace("}}", "},\"held_out_data\":\"1\",\"tokenizer\":\"bytes\"}") + look);
        write("pairs", run.replace("}}", "},\"held_out_data\":\"2\",\"tokenizer\":\"r50k_base\"}") + look);
        String out = jar.run("compare", "bytes", "pairs").succeeded().out();
        assertEquals("tokenizer|bytes|r50k_base", line(out, "tokenizer"));
        assertTrue(out.contains("What is held out differs"), out);
        assertFalse(out.contains("time to"), out);
    }

    @Test
    void theSameTextInOtherTokensIsToldFromOtherText() throws IOException, InterruptedException {
        String run = RUN.formatted("exact", 1);
        String look = LOOK.formatted(1, "1.0", 64, "3.5");
        write("bytes", run.replace("}}", "},\"held_out_data\":\"1\",\"tokenizer\":\"bytes\"}") + look);
        write("pairs", run.replace("}}", "},\"held_out_data\":\"1\",\"tokenizer\":\"r50k_base\"}") + look);
        String out = jar.run("compare", "bytes", "pairs").succeeded().out();
        assertTrue(out.contains("What is held out is cut into different tokens"), out);
        assertFalse(out.contains("time to"), out);
    }

    /** Its options are those that it went on with, and its speed is not that of the last part. */
    @Test
    void aTrainingThatWasResumedCountsAsOne() throws IOException, InterruptedException {
        String resumed =
                "{\"kind\":\"resume\",\"step\":10,\"options\":{\"batch\":64,\"gradient\":\"drop\",\"seed\":1}}%n";
        String step = "{\"kind\":\"step\",\"step\":20,\"seconds\":8.0,\"tokens\":1280,\"tokens_per_second\":999}%n";
        write(
                "resumed",
                RUN.formatted("exact", 1) + LOOK.formatted(10, "4.0", 640, "3.5") + (resumed + step).formatted());
        String out = jar.run("compare", "fast", "resumed").succeeded().out();
        assertEquals("gradient|unbiased|drop", line(out, "gradient"));
        assertEquals("tokens a second|640|160", line(out, "tokens a second"));
    }

    @Test
    void looksOfDifferentSizesAreSaidToBe() throws IOException, InterruptedException {
        write(
                "other",
                RUN.formatted("exact", 1) + LOOK.formatted(1, "1.0", 64, "3.5").replace(":90", ":70"));
        String out = jar.run("compare", "slow", "other").succeeded().out();
        assertTrue(out.contains("The parts of what is held out are of different sizes: 90, 70 tokens."), out);
    }

    @Test
    void thePictureGoesWhereItIsWanted() throws IOException, InterruptedException {
        String out = jar.run("compare", "slow", "fast", "--out", "both.png")
                .succeeded()
                .out();
        assertTrue(out.endsWith("wrote both.png" + System.lineSeparator()), out);
        byte[] both = Files.readAllBytes(folder.resolve("both.png"));
        assertEquals(0, Arrays.compare(PNG, 0, 4, both, 0, 4));
        jar.run("compare", "slow", "slow/../fast", "--out", "again.png").succeeded();
        assertTrue(Arrays.equals(both, Files.readAllBytes(folder.resolve("again.png"))), "the same trainings");
    }

    @Test
    void foldersOfTheSameNameGoByTheirPaths() throws IOException, InterruptedException {
        write("a/model", RUN.formatted("exact", 1));
        write("b/model", RUN.formatted("exact", 2));
        String out = jar.run("compare", "a/model", "b/model").succeeded().out();
        assertTrue(
                out.contains(Path.of("a/model").toString())
                        && out.contains(Path.of("b/model").toString()),
                out);
        assertEquals("seed|1|2", line(out, "seed"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            compare slow                          | 2 | 2 to 6 folders, but was given 1
            compare slow nowhere                  | 1 | there is no training in nowhere
            compare slow slow                     | 2 | slow is given twice
            compare a b c d e f g                 | 2 | 2 to 6 folders, but was given 7
            compare slow fast --out both.jpeg     | 2 | .png
            compare slow fast --out none/both.png | 1 | there is no folder
            compare slow broken                   | 1 | metrics.jsonl, line 1: step is missing
            """)
    void whatCannotBeIsNamed(String command, int exit, String reason) throws IOException, InterruptedException {
        write("broken", "{\"kind\":\"step\"}\n{}\n");
        jar.run(command.split(" ")).failed(exit, reason);
    }
}
