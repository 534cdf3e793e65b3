package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.panhead.trainer.PanheadJar.Outcome;
import dev.panhead.trainer.PanheadJar.Running;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How the built jar begins and ends: the launcher, interruption, and one line for every error. */
class CommandLineTest {

    @TempDir
    private Path folder;

    private PanheadJar jar;
    private PanheadJar quick;

    @BeforeEach
    void writeTexts() throws IOException, InterruptedException {
        jar = new PanheadJar(folder);
        quick = PanheadJar.quick(folder);
        Files.writeString(folder.resolve("text.txt"), "In the beginning was the Word. ".repeat(100));
        Files.writeString(folder.resolve("short.txt"), "In the begin");
        Files.createFile(folder.resolve("empty.txt"));
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143"})
    @DisabledOnOs(OS.WINDOWS)
    void aSignalToTheLauncherEndsTheTrainingAndTheModelIsSaved(String signal, int exit)
            throws IOException, InterruptedException {
        Running running = jar.start(
                "train",
                "--text",
                "text.txt",
                "--out",
                "model",
                "--seconds",
                "600",
                "--batch",
                "64",
                "--width",
                "16",
                "--threads",
                "1");
        running.awaitOutput("step 1 ");
        running.signal(signal);
        Outcome outcome = running.outcome();
        assertEquals(exit, outcome.exit(), outcome.err());
        assertEquals("", outcome.err());
        assertTrue(outcome.out().contains("the model is saved"), outcome.out());
        assertFalse(Files.readString(folder.resolve("model/metrics.jsonl")).isEmpty());
        quick.run("eval", "--model", "model", "--text", "text.txt").succeeded();
    }

    /** The model of an interrupted training is its own, with whatever rate it went on. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void whatGoesOnWithOtherOptionsIsSavedWhenItIsInterruptedAgain() throws IOException, InterruptedException {
        String options = "train --text text.txt --out changing --seconds 600 --batch 64 --width 16 --threads 1";
        String[][] runs = {
            (options + " --learning-rate 0.004").split(" "),
            (options + " --learning-rate 0.001 --resume --allow-changes").split(" "),
            (options + " --learning-rate 0.001 --resume").split(" ")
        };
        String[] rates = {"0.004", "0.001", "0.001"};
        for (int i = 0; i < runs.length; i++) {
            Running running = jar.start(runs[i]);
            running.awaitOutput(i == 0 ? "step 1 " : "goes on after step");
            running.awaitOutput("  loss ");
            running.signal("INT");
            String out = running.outcome().out();
            assertTrue(out.contains("the model is saved"), out);
            String config = Files.readString(folder.resolve("changing/config.json"));
            assertTrue(config.contains("\"learning_rate\" : " + rates[i]), config);
        }
    }

    /** What is done behind the last step is done to its end, and what the trainer says in that time is not lost. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aSignalBehindTheLastStepLeavesAWholeModel() throws IOException, InterruptedException {
        Running running =
                jar.start("train --text text.txt --out late --steps 20 --batch 64 --width 16 --threads 1".split(" "));
        running.awaitOutput("100 %");
        running.signal("TERM");
        Outcome outcome = running.outcome();
        assertEquals("", outcome.err());
        assertTrue(outcome.out().contains("wrote the model and"), outcome.out());
        assertTrue(
                outcome.exit() == 143 || outcome.exit() == 0, "ended with " + outcome.exit()); // 0 if it was the faster
        for (String file : List.of("model.safetensors", "report.html", "loss.png")) {
            assertTrue(Files.exists(folder.resolve("late").resolve(file)), file);
        }
        assertTrue(Files.notExists(folder.resolve("late/checkpoints")));
    }

    /** On a terminal of util-linux' making, whose Ctrl-C reaches all processes there. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void controlCOnATerminalSavesTheModel() throws IOException, InterruptedException {
        Path script = Path.of("/usr/bin/script");
        assumeTrue(Files.isExecutable(script), script + " is not there");
        String command = String.join(
                " ",
                jar.command("train --text text.txt --out model --seconds 600 --batch 64 --width 16 --threads 1"
                        .split(" ")));
        Path screen = folder.resolve("screen.txt");
        Process process = new ProcessBuilder(script.toString(), "-qefc", command, "/dev/null")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(screen.toFile())
                .start();
        Running running = new Running(process, screen, screen);
        running.awaitOutput("tokens/s");
        process.getOutputStream().write(3);
        process.getOutputStream().flush();
        Outcome outcome = running.outcome();
        assertEquals(130, outcome.exit(), outcome.out());
        assertTrue(outcome.out().contains("the model is saved"), outcome.out());
        assertFalse(outcome.out().contains("WARNING"), outcome.out());
        quick.run("eval", "--model", "model", "--text", "text.txt").succeeded();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void trainingInTheSameProcessIsInterruptedTheSameWay() throws IOException, InterruptedException {
        Running running = quick.start(
                "train",
                "--text",
                "text.txt",
                "--out",
                "model",
                "--seconds",
                "600",
                "--batch",
                "64",
                "--width",
                "16",
                "--threads",
                "1");
        running.awaitOutput("step 1 ");
        assertEquals(0, running.process().descendants().count());
        running.signal("INT");
        assertEquals(130, running.outcome().exit());
        assertTrue(Files.exists(folder.resolve("model/model.safetensors")));
    }

    @Test
    void theLauncherSwitchesTheVectorApiOnAndSaysNothingAboutIt() throws IOException, InterruptedException {
        String json = jar.run("info", "--json", "--threads", "1").succeeded().out();
        assertTrue(json.contains("\"kernel\":\"vector\""), json);
        assertTrue(json.contains("\"threads\":1,"), json);
        for (String key : new String[] {"vector_bits", "peak_gflops", "bandwidth_gbs"}) {
            assertTrue(json.matches("(?s).*\"" + key + "\":[1-9][0-9.]*[,}].*"), () -> key + " in " + json);
        }
    }

    @Test
    void theTrainerStartsFromTheModulePathToo() throws IOException, InterruptedException {
        String json = PanheadJar.onModulePath(folder)
                .run("info", "--json", "--threads", "1")
                .succeeded()
                .out();
        assertTrue(json.contains("\"kernel\":\"vector\""), json);
    }

    @Test
    void javaOptionsReachTheProcessThatComputes() throws IOException, InterruptedException {
        PanheadJar narrow = new PanheadJar(folder, "-Dpanhead.kernel=scalar");
        String json = narrow.run("info", "--json", "--threads", "1").succeeded().out();
        assertTrue(json.contains("\"kernel\":\"scalar\""), json);
    }

    @Test
    void helpComesWithAnExampleForEveryCommand() throws IOException, InterruptedException {
        assertTrue(jar.run("--help").succeeded().out().contains("panhead train --text book.txt"));
        for (String command :
                new String[] {"train", "eval", "score", "generate", "validate", "report", "compare", "export", "info"
                }) {
            String help = quick.run(command, "--help").succeeded().out();
            assertTrue(
                    help.contains("  panhead " + command + " ") || help.contains("Example: panhead " + command), help);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bogus|bogus",
                "trian|did you mean train?",
                "train --text book.txt --lerning-rate 3|Unknown option: '--lerning-rate'; did you mean --learning-rate?",
                "train --tetx text.txt|see panhead train --help",
                "train|--text",
                "train --text text.txt --batch many|many",
                "train --txt book.txt notes.txt|Unknown option: '--txt'; see panhead train --help",
                "score --model model --skip-bad-lines|--skip-bad-lines goes with --chat",
                "train --text text.txt --batch 0|--batch must be from 1",
                "train --text text.txt --steps -1|--steps must be",
                "train --text text.txt --seconds 0|--seconds must be positive",
                "train --text text.txt --threads 0|threads",
                "train --text text.txt --threads 100000|--threads must be from 1 to",
                "validate --text text.txt --bound -1|--bound must be more than 0",
                "train --text text.txt --learning-rate 0|--learning-rate must be more than 0",
                "train --text text.txt --nonsense|--nonsense",
                "eval --model model|--text",
                "generate --temperature -1|--temperature",
                "generate --top-k -1|--top-k"
            })
    void wrongArgumentsAreNamedWithCodeTwo(String test) throws IOException, InterruptedException {
        String[] parts = test.split("\\|");
        quick.run(parts[0].split(" ")).failed(2, parts[1]);
    }

    @Test
    void aModelLargerThanTheMachineIsRefused() throws IOException, InterruptedException {
        jar.run("train", "--text", "text.txt", "--batch", "65536", "--width", "65536", "--embedding", "65536")
                .failed(1, "65,536 tokens a batch", "width 65,536", "GB of memory");
    }

    @Test
    void theVersionAndTheHelpCommand() throws IOException, InterruptedException {
        assertTrue(jar.run("--version").succeeded().out().matches("panhead [0-9]+\\.[0-9].*\\R"));
        assertTrue(jar.run("help", "train").succeeded().out().contains("--learning-rate"));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void outputThatCannotBeWrittenIsAFailure() throws IOException, InterruptedException {
        for (String command : new String[] {"--help", "info --threads 1", "train --help"}) {
            quick.runInto(Path.of("/dev/full"), command.split(" ")).failed(1, "standard output: ");
        }
        jar.runInto(
                        Path.of("/dev/full"),
                        "train",
                        "--text",
                        "text.txt",
                        "--out",
                        "model",
                        "--width",
                        "8",
                        "--batch",
                        "64",
                        "--seconds",
                        "0.5")
                .failed(1, "standard output: ");
        quick.run(
                        "train",
                        "--text",
                        "text.txt",
                        "--out",
                        "/proc/panhead/model",
                        "--steps",
                        "1",
                        "--batch",
                        "64",
                        "--width",
                        "8")
                .failedAfterOutput(1, "/proc/panhead");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void theTrainingOfALauncherThatIsKilledIsSaved() throws IOException, InterruptedException {
        Running running = jar.start(
                "train", "--text", "text.txt", "--out", "model", "--seconds", "600", "--batch", "64", "--width", "16");
        running.awaitOutput("step 1 ");
        ProcessHandle child = running.process().children().findFirst().orElseThrow();
        running.signal("KILL");
        child.onExit().orTimeout(60, TimeUnit.SECONDS).join();
        assertTrue(Files.exists(folder.resolve("model/metrics.jsonl")));
        assertTrue(Files.exists(folder.resolve("model/model.safetensors")));
    }

    @Test
    void noCommandIsWrongUsage() throws IOException, InterruptedException {
        jar.run().failed(2, "--help");
    }

    @Test
    void aMissingFileIsNamed() throws IOException, InterruptedException {
        jar.run("train", "--text", "missing.txt", "--out", "model").failed(1, "missing.txt");
        assertFalse(Files.exists(folder.resolve("model")));
    }

    @Test
    void anEmptyFileIsNamed() throws IOException, InterruptedException {
        jar.run("train", "--text", "empty.txt", "--out", "model").failed(1, "empty.txt");
        assertFalse(Files.exists(folder.resolve("model")));
    }

    @Test
    void aTextShorterThanTheContextIsRefusedWithBothLengths() throws IOException, InterruptedException {
        jar.run("train", "--text", "short.txt", "--out", "model").failed(1, "12 tokens", "context of 16");
        assertFalse(Files.exists(folder.resolve("model")));
    }

    @Test
    void aFolderWithoutAModelIsNamed() throws IOException, InterruptedException {
        jar.run("eval", "--model", "nowhere", "--text", "text.txt").failed(1, "nowhere");
    }

    @Test
    void aBrokenModelIsNamed() throws IOException, InterruptedException {
        quick.run("train", "--text", "text.txt", "--out", "model", "--steps", "1", "--batch", "64", "--width", "8")
                .succeeded();
        Files.writeString(folder.resolve("model/model.safetensors"), "this is no model");
        quick.run("eval", "--model", "model", "--text", "text.txt").failed(1, "model.safetensors");
        Files.writeString(folder.resolve("model/config.json"), "{");
        quick.run("eval", "--model", "model", "--text", "text.txt").failed(1, "config.json is not a JSON object");
    }

    @Test
    void aModelOfAnotherProgramIsNotReplaced() throws IOException, InterruptedException {
        Files.createDirectories(folder.resolve("theirs"));
        Files.writeString(folder.resolve("theirs/config.json"), "{\"model_type\": \"llama\"}");
        Files.writeString(folder.resolve("theirs/model.safetensors"), "weights");
        jar.run("train", "--text", "text.txt", "--out", "theirs", "--steps", "1")
                .failed(1, "theirs", "another program");
        assertEquals("weights", Files.readString(folder.resolve("theirs/model.safetensors")));
        jar.run("train", "--text", "text.txt", "--out", "text.txt/model", "--steps", "1")
                .failed(1, "text.txt is a file, not a folder");
    }

    @Test
    void aFolderOfOtherFilesIsNotWrittenTo() throws IOException, InterruptedException {
        Files.createDirectories(folder.resolve("mine"));
        Files.writeString(folder.resolve("mine/letter.txt"), "Dear");
        jar.run("train", "--text", "text.txt", "--out", "mine", "--steps", "1").failed(1, "mine");
        try (var files = Files.list(folder.resolve("mine"))) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void aStackTraceIsShownWhenAskedFor() throws IOException, InterruptedException {
        Outcome outcome = jar.run("--stacktrace", "train", "--text", "missing.txt");
        assertEquals(1, outcome.exit());
        assertTrue(outcome.err().contains("\tat dev.panhead.trainer"), outcome.err());
    }
}
