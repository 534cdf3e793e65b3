package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.format.Npy;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.PanheadJar.Running;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Trainings whose gradients are made of few entries, on the built jar. */
class GradientTest {

    private static final int TOKENS = 3000;
    private static final int WIDTH = 8;
    private static final int VOCABULARY = 300;
    private static final int STEPS = 120;

    /** Rounds to a tenth: so few entries of bytes' 256 that they are not multiplied densely. */
    private static final String TEXT = "train --text text.txt --context 3 --embedding 4 --width 12 --sample 0"
            + " --batch 300 --accumulate 2 --steps 60 --learning-rate 0.01 --checkpoint-every 5 --gradient unbiased:0.1";

    @TempDir
    private static Path folder;

    private static PanheadJar jar;

    @BeforeAll
    static void writeData() throws IOException {
        jar = new PanheadJar(folder, "-Dpanhead.relaunch=false", "-Dpanhead.kernel=scalar");
        SplittableRandom random = new SplittableRandom(5);
        StringBuilder text = new StringBuilder();
        String[] words = {"the ", "cat ", "dog ", "sat ", "on ", "mat ", "log ", "and ", "a "};
        random.ints(900, 0, words.length).forEach(word -> text.append(words[word]));
        Files.writeString(folder.resolve("text.txt"), text);
        try (Arena arena = Arena.ofConfined()) {
            Numbers numbers = new Numbers(7);
            Matrix hidden = numbers.matrix(arena, TOKENS, WIDTH, 1);
            Matrix teacher = numbers.matrix(arena, VOCABULARY, WIDTH, 2);
            Npy.write(folder.resolve("states.npy"), hidden);
            int[] labels = new int[TOKENS];
            Arrays.setAll(labels, t -> likeliest(hidden, teacher, t));
            Files.write(folder.resolve("labels.npy"), npy(labels));
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

    /** Trains a head from zero; what is held out afterwards costs so much. */
    private static double trainHead(String out, String options) throws IOException, InterruptedException {
        run("train --hidden states.npy --labels labels.npy --threads 1 --batch 300 --clip 0"
                + " --learning-rate 0.05 --steps " + STEPS + " --out " + out + options);
        return metric(out, "evaluation", "held_out_loss").getLast();
    }

    private static byte[] model(String out) throws IOException {
        return Files.readAllBytes(folder.resolve(out).resolve("model.safetensors"));
    }

    private static List<Double> metric(String out, String kind, String name) throws IOException {
        return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
                .filter(line -> line.startsWith("{\"kind\":\"" + kind + "\"") && line.contains("\"" + name + "\":"))
                .map(line -> Double.parseDouble(line.replaceAll(".*\"" + name + "\":([^,}]+).*", "$1")))
                .toList();
    }

    @Test
    void fewEntriesLearnAboutAsWellAsAllAndFusedToTheSameBits() throws IOException, InterruptedException {
        double exact = trainHead("exact", "");
        double before = metric("exact", "step", "loss").getFirst();
        assertTrue(exact < before - 2, exact + " after " + before);
        assertEquals(List.of(), metric("exact", "step", "gradient_density"));
        assertEquals(List.of(), metric("exact", "step", "kept_mass"));
        for (String mode : new String[] {"drop:0.1", "unbiased:0.1"}) {
            double loss = trainHead("learnt", " --validate-every 60 --gradient " + mode);
            assertEquals(exact, loss, 0.25, mode);
            assertEquals(2, metric("learnt", "audit", "max_rel_error").size(), mode);
            List<Double> densities = metric("learnt", "step", "gradient_density");
            List<Double> kept = metric("learnt", "step", "kept_mass");
            assertEquals(metric("learnt", "step", "loss").size(), densities.size(), mode);
            assertTrue(densities.getLast() > 0 && densities.getLast() <= 1.0 / 16, mode + densities);
            assertTrue(kept.getLast() > 0.1 && kept.getLast() < 1, mode + kept);
            String config = Files.readString(folder.resolve("learnt/config.json"));
            assertTrue(config.replace(" ", "").contains("\"gradient\":\"" + mode + "\""), config);
        }
        trainHead("fused", " --fused --gradient unbiased:0.1");
        assertArrayEquals(model("learnt"), model("fused"));
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void onAnyThreadsAndResumedItEndsWithTheSameBits() throws IOException, InterruptedException {
        String said = run(TEXT + " --threads 1 --out whole");
        assertTrue(said.contains("tokens/s, gradient unbiased:0.1"), said);
        assertTrue(metric("whole", "step", "gradient_density").stream().allMatch(density -> density <= 1.0 / 16));
        Running running = jar.start((TEXT + " --threads 2 --out cut").split(" "));
        awaitCheckpoint(running, "cut");
        running.signal("KILL");
        running.process().waitFor();
        jar.run((TEXT + " --threads 2 --out cut --resume")
                        .replace("unbiased:0.1", "exact")
                        .split(" "))
                .failedAfterOutput(1, "another training", "gradient was unbiased:0.1 and is exact");
        String[] kinds = {"again", "changed"};
        for (String kind : kinds) {
            copy("cut", kind);
        }
        run(TEXT + " --threads 2 --out again --resume");
        assertArrayEquals(model("whole"), model("again"));
        run(TEXT.replace(":0.1", ":0.09") + " --threads 1 --out changed --resume --allow-changes");
        assertFalse(Arrays.equals(model("whole"), model("changed")));
    }

    private static void awaitCheckpoint(Running running, String out) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!Files.exists(folder.resolve(out).resolve("checkpoints/step-10.safetensors"))) {
            assertTrue(running.process().isAlive() && System.nanoTime() < end, "no checkpoint came");
            Thread.sleep(5);
        }
    }

    private static void copy(String from, String to) throws IOException {
        try (Stream<Path> files = Files.walk(folder.resolve(from))) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.copy(file, folder.resolve(to).resolve(folder.resolve(from).relativize(file)));
            }
        }
    }

    @Test
    void whatCannotBeIsSaidInALine() throws IOException, InterruptedException {
        jar.run("train", "--text", "text.txt", "--out", "never", "--gradient", "unbiased:2")
                .failed(2, "--gradient unbiased:2: TAU must be from 2^-20 to 2^-1, as 0.004 or 2^-8");
        jar.run(("train --hidden states.npy --labels labels.npy --out never --fused --batch 8448 --vocabulary 8000"
                                + " --gradient drop:0.1")
                        .split(" "))
                .failed(1, "up to 8,448 tokens a batch and a vocabulary of 8,000: Drop[mass=0.1]");
        assertFalse(Files.exists(folder.resolve("never")));
    }
}
