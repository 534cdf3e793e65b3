package dev.panhead.head;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.panhead.exec.Workers;
import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Heads of real models, whose losses in float64 are known; only where their files lie beside the repository. */
class RealHeadsTest {

    private static final Path DATA = Path.of(System.getProperty("panhead.root"), "..", "shared", "data");

    @Test
    void bert() throws IOException {
        assertLoss("bert-mlm", 0, 2114, 2.352130757683712);
    }

    @Test
    void tinyStories() throws IOException {
        assertLoss("tinystories260k", 0, 131072, 1.322591896565);
        assertLoss("tinystories260k", 0, 117964, 1.321527687733008);
        assertLoss("tinystories260k", 117964, 131072, 1.3321691265510476);
    }

    private static void assertLoss(String name, int from, int to, double expected) throws IOException {
        Path hiddenFile = DATA.resolve(name + "-hidden.safetensors");
        assumeTrue(Files.exists(hiddenFile), "no " + hiddenFile);
        try (Arena arena = Arena.ofShared();
                Workers workers = new Workers(2)) {
            Safetensors states = Safetensors.open(hiddenFile, arena);
            Safetensors head = Safetensors.open(DATA.resolve(name + "-head.safetensors"), arena);
            Matrix hidden = states.matrix("hidden_states", arena).rows(from, to);
            Ints labels = states.targets("labels", arena).view(from, to);
            ReadableMatrix weight = head.view("lm_head.weight", arena); // BERT's is of 16 bits
            Matrix bias = head.names().contains("lm_head.bias") ? head.matrix("lm_head.bias", arena) : null;
            LinearCrossEntropy engine = new LinearCrossEntropy(
                    arena, workers, to - from, weight.rows(), weight.columns(), HeadOptions.DEFAULT);
            double loss = engine.run(HeadInputs.of(hidden, weight, labels).withBias(bias), HeadOutputs.NONE)
                    .loss();
            assertEquals(
                    expected, loss,
                    2e-8); // what the rounding of the logits leaves; 6e-8 if small exponentials were lost
        }
    }
}
