package dev.panhead.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.panhead.probe.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The same bits with any vector width, with scalars, for any number of threads, and as recorded: on every machine. */
@Timeout(300)
class SameBitsTest {

    static Stream<List<String>> settings() {
        List<List<String>> settings = new ArrayList<>();
        for (int bits = 128; bits <= Machine.vectorBits(); bits *= 2) {
            settings.add(List.of("2", "-Dpanhead.kernel=vector", "-Dpanhead.vectorBits=" + bits));
        }
        settings.add(List.of("1", "-Dpanhead.kernel=scalar"));
        for (String threads : List.of("1", "3", "7")) {
            settings.add(List.of(threads));
        }
        return settings.stream();
    }

    @ParameterizedTest
    @MethodSource("settings")
    void asRecorded(List<String> setting) throws IOException, InterruptedException {
        String recorded;
        try (InputStream in = SameBitsTest.class.getResourceAsStream("digests.txt")) {
            recorded = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
        command.addAll(setting.subList(1, setting.size()));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), DigestBattery.class.getName()));
        command.add(setting.getFirst());
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor());
        assertEquals(recorded, printed);
    }
}
