package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the options of the loop do, on the built jar. */
class LearningTest {

    private static final int STEPS = 6;

    @TempDir
    private static Path folder;

    private static PanheadJar jar;

    @BeforeAll
    static void writeText() throws IOException, InterruptedException {
        jar = PanheadJar.quick(folder);
        SplittableRandom random = new SplittableRandom(5);
        StringBuilder text = new StringBuilder();
        String[] words = {"the ", "cat ", "dog ", "sat ", "on ", "mat ", "log ", "and ", "a "};
        random.ints(300, 0, words.length).forEach(word -> text.append(words[word]));
        Files.writeString(folder.resolve("text.txt"), text);
    }

    /** Trains a small model and returns what was said. */
    private static String train(String out, String options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(
                "train --text text.txt --context 3 --embedding 4 --width 12 --threads 1 --sample 0".split(" ")));
        arguments.addAll(List.of("--out", out));
        arguments.addAll(Arrays.asList(options.split(" ")));
        if (!options.contains("--steps")) {
            arguments.addAll(List.of("--steps", Integer.toString(STEPS)));
        }
        return jar.run(arguments.toArray(String[]::new)).succeeded().out();
    }

    private static byte[] model(String out) throws IOException {
        return Files.readAllBytes(folder.resolve(out).resolve("model.safetensors"));
    }

    private static float[][] weight(String out) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Matrix weight = Safetensors.open(folder.resolve(out).resolve("model.safetensors"), arena)
                    .matrix("lm_head.weight", arena);
            float[][] rows = new float[weight.rows()][];
            Arrays.setAll(rows, row -> weight.rows(row, row + 1).toArray());
            return rows;
        }
    }

    private static List<Double> metric(String out, String kind, String name) throws IOException {
        return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
                .filter(line -> line.startsWith("{\"kind\":\"" + kind + "\"") && line.contains("\"" + name + "\":"))
                .map(line -> Double.parseDouble(line.replaceAll(".*\"" + name + "\":([^,}]+).*", "$1")))
                .toList();
    }

    @Test
    void batchesThatAreAccumulatedMakeTheStepOfTheWholeBatchToTheBit() throws IOException, InterruptedException {
        // 256 tokens are a reduction block, so that the sums are the same ones.
        train("whole", "--batch 512 --steps 2");
        train("halves", "--batch 256 --accumulate 2 --steps 2");
        assertArrayEquals(model("whole"), model("halves"));
        train("batch", "--batch 256 --steps 2");
        assertFalse(Arrays.equals(model("whole"), model("batch")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"adamw", "sgd --momentum 0.9 --nesterov", "sgd --learning-rate 0.5"})
    void aFusedStepGivesTheSameBits(String optimizer) throws IOException, InterruptedException {
        String options = "--batch 50 --optimizer " + optimizer;
        train("plain", options + " --clip 0");
        train("fused", options + " --fused");
        assertArrayEquals(model("plain"), model("fused"));
    }

    @Test
    void everyOptimizerAndScheduleLearns() throws IOException, InterruptedException {
        for (String options : new String[] {
            "--optimizer adamw --learning-rate 0.05 --schedule linear --floor 0.1",
            "--optimizer adamw --learning-rate 0.05 --schedule constant --warm-up 0.2",
            "--optimizer sgd --momentum 0.9 --learning-rate 0.5"
        }) {
            train("learned", "--batch 16 --steps 40 " + options);
            List<Double> losses = metric("learned", "step", "loss");
            assertTrue(losses.getFirst() > 5 && losses.getLast() < 3, options + losses);
        }
        train("rates", "--batch 16 --schedule linear --learning-rate 0.5 --warm-up 0.5 --floor 0.2 --steps 20");
        List<Double> rates = metric("rates", "step", "learning_rate");
        assertEquals(0.05, rates.getFirst(), 1e-12); // one step of ten up to 0.5
        assertEquals(0.1, rates.getLast(), 1e-12); // a fifth of it
    }

    @Test
    void frozenRowsStayAsTheyAreAndTheOthersLearn() throws IOException, InterruptedException {
        train("before", "--batch 32 --steps 1 --learning-rate 1e-30");
        float[][] first = weight("before");
        String frozen = "--batch 32 --steps 6 --freeze-rows 0-96,100-115,118-255 --out frozen";
        jar.run(("train --text text.txt --init-model before --threads 1 --sample 0 " + frozen).split(" "))
                .succeeded();
        float[][] after = weight("frozen");
        for (int row = 0; row < first.length; row++) {
            boolean learns = row >= 97 && row <= 99 || row == 116 || row == 117;
            assertEquals(learns, !Arrays.equals(first[row], after[row]), "row " + row);
        }
        PanheadJar.Outcome random =
                jar.run("train --text text.txt --width 8 --steps 1 --batch 32 --freeze-rows 3 --sample 0 --out random"
                        .split(" "));
        assertEquals(0, random.exit());
        assertTrue(random.err().contains("at random without --init-head or --init-model"), random.err());
        jar.run("train", "--text", "text.txt", "--steps", "1", "--freeze-rows", "250-256")
                .failed(2, "--freeze-rows 250-256", "rows 0-255");
        jar.run("train", "--text", "text.txt", "--steps", "1", "--freeze-rows", "9-7")
                .failed(2, "9-7");
    }

    @Test
    void theHeadAloneLearnsOnTopOfAnEncoderThatStays() throws IOException, InterruptedException {
        train("base", "--batch 32");
        jar.run("train --text text.txt --init-model base --head-only --steps 5 --threads 1 --sample 0 --out tuned"
                        .split(" "))
                .succeeded();
        try (Arena arena = Arena.ofConfined()) {
            Safetensors base = Safetensors.open(folder.resolve("base/model.safetensors"), arena);
            Safetensors tuned = Safetensors.open(folder.resolve("tuned/model.safetensors"), arena);
            for (String name : base.names()) {
                assertEquals(
                        name.startsWith("encoder"),
                        base.tensor(name).data().mismatch(tuned.tensor(name).data()) < 0,
                        name);
            }
        }
    }

    @Test
    void whatGetsNoBetterEndsAndTheBestIsKept() throws IOException, InterruptedException {
        String said = train(
                "patient",
                "--batch 32 --schedule constant --learning-rate 0.05 --steps 3000"
                        + " --evaluate-every 10 --patience 3");
        assertTrue(said.contains("was predicted no better"), said);
        List<Double> looks = metric("patient", "evaluation", "held_out_loss");
        double best = looks.subList(0, looks.size() - 1).stream()
                .mapToDouble(Double::doubleValue)
                .min()
                .orElseThrow();
        // The text is short: each look takes all that is held out, and so does the evaluation at the end.
        assertEquals(best, looks.getLast());
        assertEquals(best, looks.get(looks.size() - 5));
        assertTrue(metric("patient", "end", "step").getFirst() < 3000);
    }

    @Test
    void theLossAtTheEndIsThePlainOneWhateverWasLearnedFrom() throws IOException, InterruptedException {
        train("smooth", "--batch 32 --label-smoothing 0.3 --z-loss 0.01");
        train("sharp", "--batch 32");
        assertNotEquals(
                metric("smooth", "step", "loss").getLast(),
                metric("sharp", "step", "loss").getLast());
        String eval = jar.run("eval", "--model", "smooth", "--text", "text.txt", "--last-tenth", "--json")
                .succeeded()
                .out();
        assertEquals(
                metric("smooth", "evaluation", "held_out_loss").getLast(),
                Double.parseDouble(eval.replaceAll("(?s).*\"loss\":([^,]+),.*", "$1")));
    }

    @Test
    void auditsPassWithACapAndAScaleToo() throws IOException, InterruptedException {
        train("audited", "--batch 32 --softcap 5 --logit-scale 1.5 --validate-every 2");
        assertEquals(3, metric("audited", "audit", "max_rel_error").size());
        assertTrue(metric("audited", "audit", "max_rel_error").stream().allMatch(error -> error > 0 && error < 1e-5));
        String validated = jar.run("validate", "--model", "audited", "--text", "text.txt", "--json")
                .succeeded()
                .out();
        assertTrue(validated.contains("\"passed\":true"), validated);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --fused --clip 1 | clipped
            --fused --accumulate 2 | accumulated
            --fused --freeze-rows 3 | freeze
            --nesterov --optimizer sgd | momentum
            --optimizer adam | expected one of adamw, sgd, but was 'adam'
            --schedule wave | expected one of constant, linear, cosine, but was 'wave'
            --patience -1 | --patience must be
            --label-smoothing 2 | --label-smoothing must be from 0 to 1, but is 2.0
            --epochs -1 | --epochs must be at least 0
            --keep 0 | --keep must be at least 1
            --checkpoint-every -1 | --checkpoint-every must be
            --epochs 1e-16 --steps 3 | --epochs has no meaning with --steps
            --logit-scale 0 | --logit-scale must be
            --width 1000000000 | --width must be from 1
            --held-out-labels text.txt | --held-out-labels goes with --hidden and --held-out
            --beta2 1 | --beta2 must be
            --init-head head.safetensors | --hidden
            --hidden states.safetensors | --text, --chat and --hidden do not go together
            --skip-bad-lines | --skip-bad-lines goes with --chat
            --optimizer sgd --beta1 0.8 | --beta1 has no meaning with --optimizer sgd
            --nesterov | --nesterov has no meaning with --optimizer adamw
            --schedule constant --floor 0.1 | --floor has no meaning with --schedule constant
            --freeze-rows 5-2 | --freeze-rows 5-2 end before they begin
            --tokenizer words | words
            --softcap -1 | softcap
            --steps 3 --epochs 2 | --epochs has no meaning with --steps
            --epochs 3 --seconds 2 | --seconds has no meaning with --epochs
            --init-model base --width 9 | --width has no meaning with --init-model
            --head-only --freeze-rows 0-255 --steps 1 | nothing to learn
            --sample -1 | --sample
            --allow-changes | --resume
            """)
    void whatCannotBeIsWrongUsage(String options, String expected) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("train", "--text", "text.txt", "--out", "never"));
        arguments.addAll(List.of(options.split(" ")));
        jar.run(arguments.toArray(String[]::new)).failed(2, expected);
        assertFalse(Files.exists(folder.resolve("never")));
    }

    @Test
    void aTrainingThatFliesApartSaysWhereAndKeepsTheLastGoodState() throws IOException, InterruptedException {
        PanheadJar.Outcome outcome =
                jar.run(("train --text text.txt --context 3 --embedding 4 --width 12 --threads 1 --out wild"
                                + " --steps 400 --batch 64 --optimizer sgd --clip 0 --schedule linear --warm-up 0.9 --learning-rate 900"
                                + " --checkpoint-every 1")
                        .split(" "));
        outcome.failedAfterOutput(1, "step ", "try a lower learning rate", "wild/checkpoints");
        assertFalse(Files.exists(folder.resolve("wild/model.safetensors")));
        try (var files = Files.list(folder.resolve("wild/checkpoints"))) {
            assertEquals(2, files.count());
        }
    }

    /** Else a tokenizer would look better than it is. */
    @Test
    void whatIsHeldOutHasNoSayInTheVocabulary() throws IOException, InterruptedException {
        String learned = Files.readString(folder.resolve("text.txt"));
        Files.writeString(folder.resolve("rare.txt"), learned + " elephant");
        String options = "train --text %s --tokenizer r50k_base --steps 2 --threads 1 --sample 0 --width 8 --out %s";
        String plain = jar.run(options.formatted("text.txt", "plain").split(" "))
                .succeeded()
                .out();
        assertFalse(plain.contains("spelled"), plain);
        String rare = jar.run(options.formatted("rare.txt", "rare").split(" "))
                .succeeded()
                .out();
        assertTrue(rare.contains("what only the held-out tenth has is spelled in bytes, "), rare);
        assertEquals(metric("plain", "run", "vocabulary"), metric("rare", "run", "vocabulary"));
        jar.run((options.formatted("text.txt", "apart") + " --held-out rare.txt").split(" "))
                .succeeded();
        assertEquals(metric("plain", "run", "vocabulary"), metric("apart", "run", "vocabulary"));
    }
}
