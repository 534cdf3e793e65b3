package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.trainer.PanheadJar.Outcome;
import dev.panhead.trainer.PanheadJar.Running;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Trainings that are cut off and resumed, on the built jar: none shows in the result. */
class ResumeTest {

    private static final int STEPS = 200;
    private static final double GOLDEN = (Math.sqrt(5) - 1) / 2; // its multiples, modulo 1, leave no gap

    @TempDir
    private static Path folder;

    private static PanheadJar jar;
    private static byte[] uninterrupted;

    @BeforeAll
    static void trainWithoutInterruption() throws IOException, InterruptedException {
        jar = PanheadJar.quick(folder);
        SplittableRandom random = new SplittableRandom(5);
        StringBuilder text = new StringBuilder();
        String[] words = {"the ", "cat ", "dog ", "sat ", "on ", "mat ", "log ", "and ", "a "};
        random.ints(450, 0, words.length).forEach(word -> text.append(words[word]));
        Files.writeString(folder.resolve("text.txt"), text);
        jar.run(arguments("whole")).succeeded();
        uninterrupted = model("whole");
    }

    /** Learning rates so high that the best model, which is kept, comes long before the last one. */
    private static String[] arguments(String out, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "train --text text.txt --batch 4 --context 3 --embedding 4 --width 6 --learning-rate 0.2".split(" ")));
        arguments.addAll(
                List.of("--floor", "0.5", "--accumulate", "2", "--threads", "1", "--sample", "0", "--keep-best"));
        arguments.addAll(List.of("--evaluate-every", "40", "--checkpoint-every", "7"));
        arguments.addAll(List.of("--out", out));
        arguments.addAll(List.of(more));
        if (!arguments.contains("--steps")) {
            arguments.addAll(List.of("--steps", Integer.toString(STEPS)));
        }
        return arguments.toArray(String[]::new);
    }

    private static byte[] model(String out) throws IOException {
        return Files.readAllBytes(folder.resolve(out).resolve("model.safetensors"));
    }

    private static List<Path> checkpoints(String out) throws IOException {
        Path saved = folder.resolve(out).resolve("checkpoints");
        if (!Files.isDirectory(saved)) {
            return List.of();
        }
        try (var files = Files.list(saved)) {
            return files.filter(file -> file.getFileName().toString().startsWith("step-"))
                    .sorted(Comparator.comparingLong(ResumeTest::step))
                    .toList();
        }
    }

    private static long step(Path checkpoint) {
        return Long.parseLong(checkpoint.getFileName().toString().replaceAll("\\D", ""));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void killedAtAnyMomentItEndsWithTheSameBits() throws IOException, InterruptedException {
        kill("killed", 20);
    }

    @Test
    @Tag("exhaustive")
    @DisabledOnOs(OS.WINDOWS)
    void killedHundredsOfTimesItEndsWithTheSameBits() throws IOException, InterruptedException {
        kill("killed-again", 200);
    }

    /**
     * Kills at moments spread evenly over the start and, four times as often, over the first half second of training; on a busy machine more
     * often, until enough trainings had got anywhere before.
     */
    private static void kill(String name, int kills) throws IOException, InterruptedException {
        int round = 0;
        int resumed = 0;
        for (int kill = 0; kill < kills || resumed <= kills / 2; kill++) {
            assertTrue(kill < 10 * kills, "few of the trainings had got anywhere: " + resumed);
            String out = name + round;
            double part = kill * GOLDEN % 1;
            resumed += checkpoints(out).isEmpty() ? 0 : 1;
            Running running = jar.start(arguments(out, "--resume"));
            if (kill % 5 == 0) {
                Thread.sleep((long) (1200 * part)); // perhaps before it has begun
            } else {
                running.awaitOutput("thread");
                Thread.sleep((long) (500 * part));
            }
            if (running.process().isAlive()) {
                running.signal("KILL");
            }
            running.process().waitFor();
            if (running.process().exitValue() == 0) {
                assertArrayEquals(uninterrupted, model(out), out);
                round++;
            }
        }
        String last = name + round;
        jar.run(arguments(last, "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model(last));
        // Nothing of what was being written when a process was killed is left.
        try (var files = Files.list(folder.resolve(last))) {
            assertEquals(
                    List.of("config.json", "metrics.jsonl", "model.safetensors", "report.html"),
                    files.map(path -> path.getFileName().toString())
                            .filter(file -> !file.equals("loss.png"))
                            .sorted()
                            .toList());
        }
        // Every twentieth step has its line once, however often it was made.
        List<String> steps = Files.readAllLines(folder.resolve(last).resolve("metrics.jsonl")).stream()
                .filter(line -> line.startsWith("{\"kind\":\"step\""))
                .map(line -> line.replaceAll(".*\"step\":(\\d+),.*", "$1"))
                .toList();
        assertEquals(
                IntStream.rangeClosed(0, STEPS / 20)
                        .mapToObj(i -> Integer.toString(Math.max(1, 20 * i)))
                        .toList(),
                steps);
    }

    /** A training that was cut off after some checkpoints: always the same one. */
    private static void cutOff(String out) throws IOException, InterruptedException {
        String original = "cut-off";
        if (checkpoints(original).isEmpty()) {
            Running running = jar.start(arguments(original));
            awaitCheckpoint(running, original, 60);
            running.signal("KILL");
            running.process().waitFor();
        }
        jar.copy(original, out);
        assertEquals(2, checkpoints(out).size(), () -> "not the last two");
    }

    /** Waits for a checkpoint beyond a step or, if that is negative, for one below it alone. */
    private static void awaitCheckpoint(Running running, String out, long bound)
            throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (checkpoints(out).stream().noneMatch(file -> bound < 0 ? step(file) < -bound : step(file) > bound)
                || bound < 0 && checkpoints(out).stream().anyMatch(file -> step(file) >= -bound)) {
            assertTrue(running.process().isAlive() && System.nanoTime() < end, "no checkpoint came");
            Thread.sleep(5);
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aBrokenCheckpointIsLeftOutAndTheOneBeforeItServes() throws IOException, InterruptedException {
        cutOff("broken");
        Path newest = checkpoints("broken").getLast();
        byte[] bytes = Files.readAllBytes(newest);
        bytes[bytes.length - 100] ^= 0x10;
        Files.write(newest, bytes);
        Outcome outcome = jar.run(arguments("broken", "--resume"));
        assertEquals(0, outcome.exit(), outcome.err());
        assertTrue(
                outcome.err().startsWith("panhead: a checkpoint is left out: ")
                        && outcome.err().contains(newest.getFileName() + ": the checksum is"),
                outcome.err());
        assertTrue(outcome.out().contains("goes on after step " + (step(newest) - 7)), outcome.out());
        assertArrayEquals(uninterrupted, model("broken"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void theOnlyCheckpointMayBeBrokenAndTheNextOnesStay() throws IOException, InterruptedException {
        Running running = jar.start(arguments("single", "--keep", "1"));
        awaitCheckpoint(running, "single", 160);
        running.signal("KILL");
        running.process().waitFor();
        Path broken = checkpoints("single").getLast();
        Files.write(broken, new byte[10]);
        running = jar.start(arguments("single", "--keep", "1", "--resume"));
        awaitCheckpoint(running, "single", -step(broken));
        running.signal("KILL");
        running.process().waitFor();
        assertEquals(1, checkpoints("single").size());
        assertTrue(step(checkpoints("single").getLast()) < step(broken));
        jar.run(arguments("single", "--keep", "1", "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model("single"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aLineThatWasCutOffIsLeftOut() throws IOException, InterruptedException {
        cutOff("torn");
        Files.write(
                folder.resolve("torn/metrics.jsonl.partial"),
                new byte[] {'{', '"', 'k', '"', ':', '"', (byte) 0xc3},
                StandardOpenOption.APPEND);
        jar.run(arguments("torn", "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model("torn"));
        assertTrue(Files.readAllLines(folder.resolve("torn/metrics.jsonl")).stream()
                .allMatch(line -> line.startsWith("{\"kind\":\"") && line.endsWith("}")));
    }

    @Test
    void whatCouldNotBeSavedAtTheEndIsSavedByResuming() throws IOException, InterruptedException {
        String[] options = {"--patience", "2", "--optimizer", "sgd", "--steps", "160"};
        jar.run(arguments("straight", options)).succeeded();
        Files.createDirectories(folder.resolve("blocked"));
        String[] blocked = arguments("blocked", options);
        Files.createDirectories(folder.resolve("blocked/model.safetensors/in the way"));
        Files.writeString(folder.resolve("blocked/metrics.jsonl.partial"), "");
        jar.run(blocked).failedAfterOutput(1, "model.safetensors");
        Files.delete(folder.resolve("blocked/model.safetensors/in the way"));
        Files.delete(folder.resolve("blocked/model.safetensors"));
        List<String> again = new ArrayList<>(List.of(blocked));
        again.add("--resume");
        jar.run(again.toArray(String[]::new)).succeeded();
        assertArrayEquals(model("straight"), model("blocked"));
        List<String> lines = Files.readAllLines(folder.resolve("blocked/metrics.jsonl"));
        for (String kind : List.of("hardest", "end")) {
            assertEquals(
                    1,
                    lines.stream()
                            .filter(line -> line.startsWith("{\"kind\":\"" + kind + "\""))
                            .count());
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void twoTrainingsDoNotMix() throws IOException, InterruptedException {
        Running running = jar.start(arguments("shared"));
        running.awaitOutput("step 1 ");
        running.signal("STOP"); // or it might end before the second one looks
        Outcome second = jar.run(arguments("shared", "--resume"));
        second.failedAfterOutput(1, "shared", "another training is writing there");
        running.signal("KILL");
        running.process().waitFor();
        jar.run(arguments("shared", "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model("shared"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void otherThreadsGoOnToTheSameBits() throws IOException, InterruptedException {
        cutOff("threads");
        List<String> arguments = new ArrayList<>(List.of(arguments("threads", "--resume")));
        arguments.set(arguments.indexOf("--threads") + 1, "2");
        jar.run(arguments.toArray(String[]::new)).succeeded();
        assertArrayEquals(uninterrupted, model("threads"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aStepOfManyBatchesIsGivenUpWhenItIsInterrupted() throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(arguments("long")));
        arguments.set(arguments.indexOf("--accumulate") + 1, "65536");
        Running running = jar.start(arguments.toArray(String[]::new));
        running.awaitOutput("kernels");
        Thread.sleep(500);
        running.signal("INT");
        String said = running.outcome().out();
        assertTrue(said.contains("interrupted after 0 steps; the state is saved"), said);
    }

    /** Whoever reads the output leaves before the first look is shown: the state of step 0 has that look in it, which must not count twice. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aTrainingThatEndedBeforeItsFirstStepGoesOnAsIfItHadNot() throws IOException, InterruptedException {
        String[] options = {"--patience", "1", "--steps", "200"};
        jar.run(arguments("looked", options)).succeeded();
        List<String> command = new ArrayList<>(List.of("sh", "-c", "\"$0\" \"$@\" | head -c 1"));
        command.addAll(jar.command(arguments("unread", options)));
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        List<String> resumed = new ArrayList<>(List.of(options));
        resumed.add("--resume");
        jar.run(arguments("unread", resumed.toArray(String[]::new))).succeeded();
        assertArrayEquals(model("looked"), model("unread"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aShorterTimeThanThatTakenIsRefused() throws IOException, InterruptedException {
        String[] shared = "train --text text.txt --batch 4 --context 3 --embedding 4 --width 6 --threads 1 --out timed"
                .split(" ");
        List<String> arguments = new ArrayList<>(List.of(shared));
        arguments.addAll(List.of("--checkpoint-every", "7", "--seconds", "600"));
        Running running = jar.start(arguments.toArray(String[]::new));
        awaitCheckpoint(running, "timed", 60);
        running.signal("KILL");
        running.process().waitFor();
        arguments.set(arguments.size() - 1, "0.001");
        arguments.addAll(List.of("--resume", "--allow-changes"));
        jar.run(arguments.toArray(String[]::new))
                .failed(1, "to end after 0.0 seconds, but the checkpoint is of second");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void whatMayChangeIsChangedIfThatIsSaid() throws IOException, InterruptedException {
        cutOff("changed");
        jar.run(arguments("changed", "--resume", "--allow-changes", "--weight-decay", "0.5"))
                .succeeded();
        assertFalse(Arrays.equals(uninterrupted, model("changed")));
        cutOff("unchanged");
        List<String> arguments = new ArrayList<>(List.of(arguments("unchanged", "--resume", "--allow-changes")));
        arguments.set(arguments.indexOf("--batch") + 1, "3");
        jar.run(arguments.toArray(String[]::new)).failedAfterOutput(1, "another training", "batch was 4 and is 3");
        jar.run(arguments("unchanged", "--resume", "--allow-changes", "--steps", "1"))
                .failed(1, "to end after step 1, but the checkpoint is of step");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void anUnfinishedTrainingIsNeitherReplacedNorResumedAsAnother() throws IOException, InterruptedException {
        cutOff("cut");
        jar.run(arguments("cut")).failed(1, "cut/checkpoints", "unfinished training", "--resume");
        jar.run(arguments("cut", "--resume", "--weight-decay", "0.02"))
                .failed(1, "another training", "weight_decay was 0.01 and is 0.02", "; --allow-changes");
        Files.writeString(
                folder.resolve("other.txt"), "the cat sat on the log and the dog sat on the mat. ".repeat(80));
        List<String> arguments = new ArrayList<>(List.of(arguments("cut", "--resume")));
        arguments.set(arguments.indexOf("text.txt"), "other.txt");
        jar.run(arguments.toArray(String[]::new)).failedAfterOutput(1, "another training", "data was");
        assertEquals(2, checkpoints("cut").size());
        jar.run(arguments("cut", "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model("cut"));
    }

    @Test
    void aFinishedTrainingHasNothingToResume() throws IOException, InterruptedException {
        String out = jar.run(arguments("whole", "--resume")).succeeded().out();
        assertTrue(out.contains("nothing to resume"), out);
        jar.run(arguments("different", "--steps", "30")).succeeded();
        byte[] finished = model("different");
        jar.run(arguments("different", "--steps", "31", "--resume"))
                .failedAfterOutput(1, "finished model of another training");
        assertArrayEquals(finished, model("different"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void ctrlCSavesTheModelAndTheStateToGoOnFrom() throws IOException, InterruptedException {
        Running running = jar.start(arguments("stopped"));
        running.awaitOutput("step 1 ");
        running.signal("INT");
        Outcome outcome = running.outcome();
        assertEquals(130, outcome.exit(), outcome.err());
        assertTrue(outcome.out().contains("the model is saved, and --resume goes on"), outcome.out());
        jar.copy("whole", "whole-copy");
        Running replacing = jar.start(arguments("whole-copy", "--weight-decay", "0.7"));
        replacing.awaitOutput("step 1 ");
        replacing.signal("INT");
        assertTrue(replacing.outcome().out().contains("the state is saved"), "another model was replaced");
        assertArrayEquals(uninterrupted, model("whole-copy"));
        jar.run("eval", "--model", "stopped", "--text", "text.txt").succeeded();
        jar.run(arguments("stopped", "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model("stopped"));
    }

    /** A limit on the size of files stands for a disk that is full. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aCheckpointThatCannotBeWrittenIsAnErrorAndTheLastOneStays() throws IOException, InterruptedException {
        cutOff("full");
        List<Path> before = checkpoints("full");
        byte[] newest = Files.readAllBytes(before.getLast());
        List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f 4; exec \"$0\" \"$@\""));
        command.addAll(jar.command(arguments("full", "--resume")));
        Path err = folder.resolve("full-err.txt");
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectOutput(folder.resolve("full-out.txt").toFile())
                .redirectError(err.toFile())
                .start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(1, process.exitValue(), Files.readString(err));
        assertTrue(
                Files.readString(err).matches("panhead: [^\\n]*(too large|No space)[^\\n]*\\n"), Files.readString(err));
        assertEquals(before, checkpoints("full"));
        assertArrayEquals(newest, Files.readAllBytes(before.getLast()));
        jar.run(arguments("full", "--resume")).succeeded();
        assertArrayEquals(uninterrupted, model("full"));
    }
}
