package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.format.Npy;
import dev.panhead.format.Safetensors;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.PanheadJar.Running;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Heads on hidden states of another model, on the built jar. */
class HiddenTrainingTest {

    private static final int TOKENS = 1200;
    private static final int WIDTH = 10;
    private static final int VOCABULARY = 23;

    @TempDir
    private static Path folder;

    private static PanheadJar jar;

    /** Hidden states whose labels a head decides, one in seven of them ignored. */
    @BeforeAll
    static void writeStates() throws IOException, InterruptedException {
        jar = PanheadJar.quick(folder);
        try (Arena arena = Arena.ofConfined()) {
            Numbers numbers = new Numbers(7);
            Matrix hidden = numbers.matrix(arena, TOKENS, WIDTH, 1);
            Matrix teacher = numbers.matrix(arena, VOCABULARY, WIDTH, 2);
            int[] labels = new int[TOKENS];
            Arrays.setAll(labels, t -> t % 7 == 3 ? -100 : likeliest(hidden, teacher, t));
            write("states.safetensors", hidden, labels, 0, TOKENS);
            write("shard-1.safetensors", hidden, labels, 0, 700);
            write("shard-2.safetensors", hidden, labels, 700, TOKENS);
            Npy.write(folder.resolve("states.npy"), hidden);
            Files.write(folder.resolve("labels.npy"), npy(labels));
            Safetensors.write(
                    folder.resolve("teacher.safetensors"),
                    new LinkedHashMap<>(Map.of("lm_head.weight", teacher)),
                    Map.of());
            Safetensors.write(
                    folder.resolve("tied.safetensors"),
                    new LinkedHashMap<>(Map.of("model.embed_tokens.weight", teacher)),
                    Map.of());
            int[] ignored = new int[TOKENS];
            Arrays.fill(ignored, -100);
            write("ignored.safetensors", hidden, ignored, 0, 20);
            Arrays.fill(labels, 2, 5, -100);
            float sound = hidden.get(7, 3);
            hidden.set(7, 3, Float.NaN);
            write("broken.safetensors", hidden, labels, 0, TOKENS);
            hidden.set(7, 3, sound);
            labels[5] = VOCABULARY;
            write("outside.safetensors", hidden, labels, 0, TOKENS);
            Safetensors.write(
                    folder.resolve("wide.safetensors"),
                    new LinkedHashMap<>(Map.of("lm_head.weight", numbers.matrix(arena, VOCABULARY, WIDTH + 1, 1))),
                    Map.of());
        }
    }

    private static int likeliest(Matrix hidden, Matrix teacher, int token) {
        int best = 0;
        double most = Double.NEGATIVE_INFINITY;
        for (int v = 0; v < teacher.rows(); v++) {
            double sum = 0;
            for (int k = 0; k < WIDTH; k++) {
                sum += (double) hidden.get(token, k) * teacher.get(v, k);
            }
            best = sum > most ? v : best;
            most = Math.max(most, sum);
        }
        return best;
    }

    /** A safetensors file by hand: the library writes no integers. */
    private static void write(String name, Matrix hidden, int[] labels, int from, int to) throws IOException {
        int rows = to - from;
        int states = rows * WIDTH * Float.BYTES;
        String header = "{\"hidden_states\":{\"dtype\":\"F32\",\"shape\":[" + rows + "," + WIDTH
                + "],\"data_offsets\":[0," + states + "]},\"labels\":{\"dtype\":\"I64\",\"shape\":[" + rows
                + "],\"data_offsets\":[" + states + "," + (states + rows * Long.BYTES) + "]}}";
        byte[] json = (header + " ".repeat(-header.length() & 7)).getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(Long.BYTES + json.length + states + rows * Long.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(json.length).put(json);
        for (int t = from; t < to; t++) {
            for (int k = 0; k < WIDTH; k++) {
                file.putFloat(hidden.get(t, k));
            }
        }
        for (int t = from; t < to; t++) {
            file.putLong(labels[t]);
        }
        Files.write(folder.resolve(name), file.array());
    }

    private static byte[] npy(int[] labels) {
        String header = "{'descr': '<i4', 'fortran_order': False, 'shape': (" + labels.length + ",), }";
        header = header + " ".repeat(117 - header.length()) + "\n";
        ByteBuffer file = ByteBuffer.allocate(10 + header.length() + labels.length * Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}).putShort((short) header.length());
        file.put(header.getBytes(StandardCharsets.US_ASCII));
        for (int label : labels) {
            file.putInt(label);
        }
        return file.array();
    }

    private static String run(String arguments) throws IOException, InterruptedException {
        return jar.run(arguments.split(" ")).succeeded().out();
    }

    private static String train(String data, String out, String options) throws IOException, InterruptedException {
        return run("train --hidden " + data + " --out " + out + " --threads 1 --batch 50 --epochs 5"
                + " --learning-rate 0.1" + options);
    }

    private static double eval(String arguments, String key) throws IOException, InterruptedException {
        String json = run("eval --json " + arguments);
        return Double.parseDouble(json.replaceAll("(?s).*\"" + key + "\":([^,}]+).*", "$1"));
    }

    private static byte[] model(String out) throws IOException {
        return Files.readAllBytes(folder.resolve(out).resolve("model.safetensors"));
    }

    @Test
    void aHeadLearnsWhatTheLabelsShow() throws IOException, InterruptedException {
        String said = train("states.safetensors", "head", "");
        assertTrue(said.contains("1,200 hidden states of width 10 (F32)"), said);
        assertTrue(eval("--model head --hidden states.safetensors --last-tenth", "accuracy") > 0.6);
        int counted = TOKENS - (TOKENS + 3) / 7;
        assertEquals(counted, eval("--model head --hidden states.safetensors", "tokens"));
        assertEquals((counted + 9) / 10, eval("--model head --hidden states.safetensors --last-tenth", "tokens"));
        String scores = run("score --model head --hidden states.safetensors");
        double sum = scores.lines()
                .mapToDouble(line -> Double.parseDouble(line.split("\t")[0]))
                .sum();
        assertEquals(counted, scores.lines().count());
        assertEquals(-sum, counted * eval("--model head --hidden states.safetensors", "loss"), 0.1);
        String validated = run("validate --model head --hidden states.safetensors --json");
        assertTrue(validated.contains("\"passed\":true"), validated);
        jar.run("generate", "--model", "head").failed(2, "head without an encoder");
        jar.run("eval", "--model", "head", "--text", "states.npy").failed(2, "--hidden");
    }

    @Test
    void shardsAndArraysAndAnyThreadsGiveTheSameHead() throws IOException, InterruptedException {
        train("states.safetensors", "one", "");
        train("shard-1.safetensors shard-2.safetensors", "two", "");
        assertArrayEquals(model("one"), model("two"));
        train("states.npy --labels labels.npy", "three", "");
        assertArrayEquals(model("one"), model("three"));
        run("train --hidden states.safetensors --out four --threads 2 --batch 50 --epochs 5 --learning-rate 0.1");
        assertArrayEquals(model("one"), model("four"));
        train("states.safetensors", "fused", " --fused");
        train("states.safetensors", "unclipped", " --clip 0");
        assertArrayEquals(model("unclipped"), model("fused"));
    }

    @Test
    void whatIsHeldOutMayLieElsewhere() throws IOException, InterruptedException {
        String said = train("shard-1.safetensors", "elsewhere", " --held-out shard-2.safetensors");
        assertTrue(said.contains("600 tokens to learn, 429 held out"), said);
        double whole = eval("--model elsewhere --hidden shard-2.safetensors", "loss");
        assertTrue(said.contains(String.format(java.util.Locale.ROOT, "held out: loss %.6f nats", whole)), said);
    }

    @Test
    void aHeadIsTheStartAndNewRowsComeBehindItsOwn() throws IOException, InterruptedException {
        assertTrue(eval("--head teacher.safetensors --hidden states.safetensors", "accuracy") == 1);
        String tied = "--head tied.safetensors --head-tensor model.embed_tokens.weight --hidden states.safetensors";
        assertTrue(eval(tied, "accuracy") == 1);
        train(
                "states.safetensors",
                "extended",
                " --init-head teacher.safetensors --new-rows 4 --freeze-rows 0-22 --no-bias");
        try (Arena arena = Arena.ofConfined()) {
            Safetensors extended = Safetensors.open(folder.resolve("extended/model.safetensors"), arena);
            Matrix weight = extended.matrix("lm_head.weight", arena);
            Matrix teacher = Safetensors.open(folder.resolve("teacher.safetensors"), arena)
                    .matrix("lm_head.weight", arena);
            assertEquals(List.of("lm_head.weight"), new ArrayList<>(extended.names()));
            assertEquals(VOCABULARY + 4, weight.rows());
            assertArrayEquals(teacher.toArray(), weight.rows(0, VOCABULARY).toArray());
            assertTrue(Float.isFinite(weight.get(VOCABULARY + 3, 0)));
        }
        jar.run("train", "--hidden", "states.safetensors", "--new-rows", "4")
                .failed(2, "--new-rows goes with --init-head");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            eval --head wide.safetensors --hidden states.safetensors | 1 | width 10
            eval --head teacher.safetensors --hidden outside.safetensors | 1 | outside.safetensors: the label at 5 is 23
            eval --head teacher.safetensors --hidden broken.safetensors | 1 | row 7 of broken.safetensors: its logit of
            eval --head states.safetensors --hidden states.safetensors | 1 | lm_head.weight
            eval --head tied.safetensors --hidden states.safetensors | 1 | --head-tensor model.embed_tokens.weight
            eval --head teacher.safetensors --head-tensor no --hidden states.safetensors | 1 | there is no tensor no among
            eval --model head --head-tensor lm_head.weight --hidden states.safetensors | 2 | --head-tensor goes with --head
            eval --head teacher.safetensors --text states.npy | 2 | --head goes with --hidden
            train --hidden states.safetensors --head-tensor wte.weight --out no | 2 | --head-tensor goes with --init-head
            train --hidden outside.safetensors --init-head teacher.safetensors --out no | 1 | the label at 5 is 23, neither -100 nor from 0 to 22; --new-rows
            train --hidden states.safetensors --init-head states.npy --out no | 1 | states.npy: a head is read from .safetensors
            train --hidden states.safetensors --vocabulary 20 --out no | 1 | neither -100 nor from 0 to 19
            train --hidden labels.npy --out no | 1 | labels.npy
            train --hidden states.npy --out no | 1 | states.npy holds hidden states, but no labels: name the file that does (--labels
            train --hidden states.safetensors --labels labels.npy --text states.npy --out no | 2 | do not go together
            train --hidden states.safetensors --vocabulary 0 --out no | 2 | --vocabulary must be at least 1
            train --hidden states.npy --labels labels.npy --held-out states.npy --out no | 1 | name the file that does (--labels or --held-out-labels)
            train --hidden states.safetensors --epochs 1e-16 --out no | 2 | less than a single step
            train --hidden states.safetensors --epochs 0.25 --batch 60000 --out no | 2 | --epochs 0.25 of
            train --hidden states.safetensors --dry-run --out no | 2 | --dry-run
            train --hidden states.safetensors --width 10 --out no | 2 | --width has no meaning with --hidden
            train --hidden states.safetensors --freeze-rows 0-22 --out no | 2 | nothing to learn
            train --hidden ignored.safetensors --out no | 1 | there is nothing to learn
            eval --head teacher.safetensors --hidden ignored.safetensors | 1 | no token to predict
            eval --head teacher.safetensors --model head --hidden states.safetensors | 2 | which one
            """)
    void whatDoesNotFitIsNamed(String arguments, int code, String expected) throws IOException, InterruptedException {
        jar.run(arguments.split(" ")).failed(code, expected);
        assertTrue(Files.notExists(folder.resolve("no")));
    }

    @Test
    void whatIsHeldOutMayHaveLabelsOfItsOwnToo() throws IOException, InterruptedException {
        String said =
                run("train --hidden states.npy --labels labels.npy --held-out states.npy --held-out-labels labels.npy"
                        + " --batch 50 --steps 1 --out apart");
        assertTrue(said.matches("(?s).* ([0-9,]+) tokens to learn, \\1 held out.*"), said);
    }

    @Test
    void halvesAreReadAsTheyAre() throws IOException, InterruptedException {
        try (Arena arena = Arena.ofConfined()) {
            ReadableMatrix halves =
                    Npy.open(folder.resolve("states.npy"), arena).view(arena);
            HalfMatrix narrow = HalfMatrix.of(arena, HalfMatrix.Format.FLOAT16, (Matrix) halves);
            Npy.write(folder.resolve("half.npy"), narrow);
            Npy.write(folder.resolve("widened.npy"), narrow.toMatrix(arena));
        }
        train("half.npy --labels labels.npy", "half", "");
        train("widened.npy --labels labels.npy", "widened", "");
        assertArrayEquals(model("widened"), model("half"));
    }

    @Test
    void conversationsTuneAModel() throws IOException, InterruptedException {
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        for (int i = 0; i < 24; i++) {
            lines.writeBytes(("{\"prompt\": \"What is " + i + "? \", \"completion\": \"It is " + i + ".\"}\n")
                    .getBytes(StandardCharsets.UTF_8));
            lines.writeBytes(("{\"messages\": [{\"role\": \"user\", \"content\": \"" + (i % 2 == 0 ? "Hello" : "Byebye")
                            + "\"}, {\"role\": \"assistant\", \"content\": \"" + (i % 2 == 0 ? "Good day." : "So long.")
                            + "\"}]}\n")
                    .getBytes(StandardCharsets.UTF_8));
        }
        Files.write(folder.resolve("chat.jsonl"), lines.toByteArray());
        lines.writeBytes("{\"prompt\": 7}\n".getBytes(StandardCharsets.UTF_8));
        Files.write(folder.resolve("bad.jsonl"), lines.toByteArray());
        String shape = " --context 40 --embedding 4 --width 16 --threads 1 --batch 20 --learning-rate 0.05 --sample 0";
        run("train --chat chat.jsonl --epochs 6 --out tuned" + shape);
        run("train --chat chat.jsonl --epochs 5 --init-model tuned --head-only --out further --threads 1 --sample 0");
        assertTrue(eval("--model further --chat chat.jsonl --last-tenth", "loss") < 2);
        assertEquals("Good day.\n", run("generate --model tuned --chat --temperature 0 --prompt Hello"));
        assertEquals("So long.\n", run("generate --model tuned --chat --temperature 0 --prompt Byebye"));
        assertEquals("So long.\n", run("generate --model tuned --chat --temperature 0 --prompt Byebye --tokens 12"));
        assertTrue(run("generate --model tuned --chat --prompt Hello --past-end --temperature 0 --tokens 40")
                .startsWith("Good day.<|im_end|>"));
        PanheadJar.Outcome blind =
                jar.run(("train --chat chat.jsonl --steps 2 --out blind" + shape.replace("40", "33")).split(" "));
        assertEquals(0, blind.exit());
        assertTrue(blind.err().contains("a context of 33 tokens, but 33 stand between a question"), blind.err());
        String compared = run("compare tuned blind");
        assertFalse(compared.contains("What is held out"), () -> "the same, whatever the context: " + compared);
        jar.run("generate --model blind --chat --prompt Hello".split(" ")).failed(2, "a larger --context");
        jar.run("generate", "--model", "tuned", "--chat").failed(2, "--prompt");
        jar.run(("train --chat bad.jsonl --epochs 1 --out bad" + shape).split(" "))
                .failed(1, "bad.jsonl, line 49", "prompt");
        PanheadJar.Outcome skipped =
                jar.run(("train --chat bad.jsonl --skip-bad-lines --epochs 6 --out skipped" + shape).split(" "));
        assertEquals(0, skipped.exit(), skipped.err());
        assertTrue(skipped.err().contains("1 broken line"), skipped.err());
        assertArrayEquals(model("tuned"), model("skipped"));
        String shown = run("train --chat chat.jsonl --dry-run --context 40 --out never");
        assertTrue(shown.contains("48 conversations, 2,"), shown); // what is laid before them does not count
        assertTrue(
                shown.contains("698 of them to be predicted (29.9 %), the last 59 held out: 1 batch of 1,024"), shown);
        assertTrue(shown.contains("[I][t][ ][i][s][ ][0][.]"), shown);
        assertTrue(Files.notExists(folder.resolve("never")));
    }

    @Test
    void pairedTokensServeEveryCommandOfText() throws IOException, InterruptedException {
        Files.writeString(
                folder.resolve("text.txt"), "The cat sat on the mat, and the dog sat on the log. ".repeat(20));
        run("train --text text.txt --tokenizer r50k_base --epochs 15 --context 4 --embedding 8 --width 16 --threads 1"
                + " --batch 16 --learning-rate 0.05 --out paired");
        assertTrue(eval("--model paired --text text.txt", "bits_per_byte") < 0.5);
        assertEquals(20 * 52, eval("--model paired --text text.txt", "bytes"));
        String generated = jar.run(
                        "generate", "--model", "paired", "--prompt", "The cat", "--temperature", "0", "--tokens", "3")
                .succeeded()
                .out();
        assertTrue(generated.startsWith("The cat sat on the"), generated);
        String scores = jar.runWithInput(
                        "The cat sat on the mat\nqwerty\n".getBytes(StandardCharsets.UTF_8),
                        "score",
                        "--model",
                        "paired")
                .succeeded()
                .out();
        assertEquals(2, scores.lines().count());
        jar.runWithInput(new byte[] {'a', '\n', (byte) 0xff, '\n'}, "score", "--model", "paired")
                .failedAfterOutput(1, "standard input, line 2");
    }

    /** A head that could not be better is kept, or its loss is shown, where training spoils it. */
    @Test
    void whatATrainingBeginsWithIsLookedAtToo() throws IOException, InterruptedException {
        String options = "train --hidden states.safetensors --init-head teacher.safetensors --learning-rate 1 --steps 9"
                + " --weight-decay 1 --threads 1 --out ";
        String spoiled = jar.run((options + "spoiled").split(" ")).succeeded().out();
        assertTrue(spoiled.contains("was predicted better before the first step, with a loss of 0."), spoiled);
        String kept =
                jar.run((options + "kept --keep-best").split(" ")).succeeded().out();
        assertTrue(kept.contains("kept is the model as it was before the first step"), kept);
        assertTrue(Files.readString(folder.resolve("kept/config.json")).contains("\"kept_step\""));
        assertTrue(Files.readString(folder.resolve("kept/metrics.jsonl")).contains("\"kept_step\":0"));
        try (Arena arena = Arena.ofConfined()) {
            Safetensors before = Safetensors.open(folder.resolve("teacher.safetensors"), arena);
            Safetensors after = Safetensors.open(folder.resolve("kept/model.safetensors"), arena);
            String weight = "lm_head.weight";
            assertEquals(
                    -1,
                    before.tensor(weight).data().mismatch(after.tensor(weight).data()));
        }
    }

    /** A weight alone gives other logits than a model that caps and scales them: its file says so. */
    @Test
    void whatBendsTheLogitsGoesWithTheWeight() throws IOException, InterruptedException {
        run("train --hidden states.safetensors --steps 30 --softcap 5 --logit-scale 0.7 --threads 1 --out bent");
        double loss = eval("--model bent --hidden states.safetensors", "loss");
        assertEquals(loss, eval("--head bent/model.safetensors --hidden states.safetensors", "loss"));
        String said = run("export --model bent --safetensors bent.safetensors");
        assertTrue(said.contains("a softcap of 5.0") && said.contains("a logit_scale of 0.7"), said);
        assertEquals(loss, eval("--head bent.safetensors --hidden states.safetensors", "loss"));
    }

    /** Of targets that are almost certain, and logits that are large, the reference knows no better than to subtract what it must not. */
    @Test
    void confidentTokensPassTheAudit() throws IOException, InterruptedException {
        try (Arena arena = Arena.ofShared()) {
            Npy.write(folder.resolve("large.npy"), new Numbers(3).matrix(arena, 400, 256, 20));
            Npy.write(
                    folder.resolve("large-labels.npy"),
                    Ints.of(new Random(3).ints(400, 0, 500).toArray()));
        }
        jar.run(("train --hidden large.npy --labels large-labels.npy --steps 30 --batch 128 --threads 1"
                                + " --validate-every 10 --out confident")
                        .split(" "))
                .succeeded();
    }

    /** What is held out is not looked at as a whole before the end. */
    @Test
    void aTrainingIsNotLostIfWhatIsHeldOutIsBroken() throws IOException, InterruptedException {
        jar.run(("train --hidden states.safetensors --held-out broken.safetensors --steps 3 --evaluate-every 1000"
                                + " --threads 1 --out spared")
                        .split(" "))
                .failedAfterOutput(1, "is not finite", "the model is saved in spared");
        jar.run("eval", "--model", "spared", "--hidden", "states.safetensors").succeeded();
    }

    /** The JVM then throws an error instead of an exception. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aFileThatIsCutOffInUseEndsTheTraining() throws IOException, InterruptedException {
        Path states = folder.resolve("cut.npy");
        try (Arena arena = Arena.ofShared()) {
            Npy.write(states, new Numbers(4).matrix(arena, 20_000, 16, 1));
            Npy.write(folder.resolve("cut-labels.npy"), Ints.allocate(arena, 20_000));
        }
        Running running = jar.start(
                "train --hidden cut.npy --labels cut-labels.npy --seconds 600 --threads 1 --out cut".split(" "));
        running.awaitOutput("step 1 ");
        try (FileChannel channel = FileChannel.open(states, StandardOpenOption.WRITE)) {
            channel.truncate(4096);
        }
        running.outcome().failedAfterOutput(1, "a file was cut off");
    }

    @Test
    void filesOfOtherLibrariesAreToldHowToBeWritten() throws IOException, InterruptedException {
        Files.write(folder.resolve("states.pt"), new byte[] {'P', 'K', 3, 4});
        jar.run("train", "--hidden", "states.pt", "--steps", "1")
                .failed(1, "states.pt: files of this kind are not read", "save_file");
        Path model = Files.createDirectory(folder.resolve("other-model"));
        Files.writeString(model.resolve("config.json"), "{}");
        Files.write(model.resolve("pytorch_model.bin"), new byte[] {'P', 'K', 3, 4});
        jar.run("train", "--hidden", "states.safetensors", "--init-head", "other-model", "--steps", "1")
                .failed(1, "pytorch_model.bin: files of this kind are not read");
    }
}
