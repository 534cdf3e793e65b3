package dev.panhead.readme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's example compiles and runs as it stands, with the library as a module's jar or folder alone on the class path. */
class ReadmeTest {

    @Test
    void theExampleRuns(@TempDir Path folder) throws IOException, InterruptedException, URISyntaxException {
        String readme = Files.readString(Path.of(System.getProperty("panhead.root"), "README.md"));
        int start = readme.indexOf("```java\n") + "```java\n".length();
        Path source = folder.resolve("Example.java");
        Files.writeString(source, readme.substring(start, readme.indexOf("```", start)));
        Path library = Path.of(
                Matrix.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules",
                        "jdk.incubator.vector",
                        "-cp",
                        library.toString(),
                        source.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        assertTrue(printed.startsWith("HeadResult[loss=2.302585"), printed); // ln 10
        assertTrue(printed.contains("tokens=3, ignored=1"), printed);
    }
}
