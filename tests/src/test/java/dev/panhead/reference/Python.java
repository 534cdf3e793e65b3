package dev.panhead.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Python with NumPy, where both are installed: what it reads and writes is the measure of our files. */
public final class Python {

    private static final int SECONDS = 60;

    private Python() {}

    /** Skips the test that calls this where there is no {@code python3} or it has no NumPy. */
    public static void assumeNumpy(Path folder) throws InterruptedException {
        boolean works;
        try {
            works = process(folder, "import numpy").waitFor() == 0;
        } catch (IOException none) {
            works = false;
        }
        assumeTrue(works, "python3 with numpy is not installed");
    }

    /** Runs a script in a folder, fails unless it succeeds, and returns what it printed. */
    public static String run(Path folder, String script) throws IOException, InterruptedException {
        Process process = process(folder, script);
        assertTrue(process.waitFor(SECONDS, TimeUnit.SECONDS), "the script goes on");
        String printed = Files.readString(folder.resolve("python.log"));
        assertEquals(0, process.exitValue(), printed);
        return printed;
    }

    private static Process process(Path folder, String script) throws IOException {
        return new ProcessBuilder("python3", "-c", script)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("python.log").toFile())
                .start();
    }
}
