package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The report command of the built jar. */
class ReportCommandTest {

    private static final String STEP = "{\"kind\":\"step\",\"step\":%d,\"loss\":%s}%n";

    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G'};

    @TempDir
    private Path folder;

    private Path run;
    private PanheadJar jar;

    @BeforeEach
    void writeMetrics() throws IOException, InterruptedException {
        jar = PanheadJar.quick(folder);
        run = Files.createDirectory(folder.resolve("run"));
        Files.writeString(run.resolve("metrics.jsonl"), STEP.formatted(1, "5.25") + STEP.formatted(2, "4.25"));
    }

    private Set<String> files(Path of) throws IOException {
        try (var files = Files.list(of)) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
    }

    @Test
    void pageAndPictureAreBesideTheMetrics() throws IOException, InterruptedException {
        String out = jar.run("report", "--run", "run").succeeded().out();
        assertEquals("wrote " + Path.of("run/report.html") + " and " + Path.of("run/loss.png"), out.strip());
        assertEquals(Set.of("metrics.jsonl", "report.html", "loss.png"), files(run));
        assertTrue(Files.readString(run.resolve("report.html")).contains("4.2500"), "the last loss");
        assertEquals(0, Arrays.compare(PNG, 0, 4, Files.readAllBytes(run.resolve("loss.png")), 0, 4));
    }

    @Test
    void thePageGoesWhereItIsWanted() throws IOException, InterruptedException {
        Files.createDirectory(folder.resolve("pages"));
        jar.run("report", "--run", "run", "--out", "pages/mine.HTML").succeeded();
        assertEquals(Set.of("mine.HTML", "loss.png"), files(folder.resolve("pages")));
        assertEquals(Set.of("metrics.jsonl"), files(run));
    }

    @Test
    void aTrainingUnderWayComesBeforeTheOneThatWasThere() throws IOException, InterruptedException {
        Files.writeString(run.resolve("metrics.jsonl.partial"), STEP.formatted(1, "9.125") + "{\"kind\":\"st");
        jar.run("report", "--run", "run").succeeded();
        String page = Files.readString(run.resolve("report.html"));
        assertTrue(page.contains("9.1250"), "the growing file was not read");
        assertFalse(page.contains("4.2500"), "the finished file was read");
    }

    @Test
    void theReportWorksFromTheModulePathToo() throws IOException, InterruptedException {
        PanheadJar.onModulePath(folder).run("report", "--run", "run").succeeded();
        assertEquals(Set.of("metrics.jsonl", "report.html", "loss.png"), files(run));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            report                                   | 2 | --model
            report --run nowhere                     | 1 | there is no training in nowhere
            report --run run --out run/metrics.jsonl | 2 | .html
            report --run run --out none/page.html    | 1 | there is no folder
            report --run run --out folder.html       | 1 | is a folder
            report --run broken                      | 1 | metrics.jsonl, line 1: step is missing
            """)
    void whatCannotBeIsNamed(String command, int exit, String reason) throws IOException, InterruptedException {
        Files.createDirectory(folder.resolve("folder.html"));
        Files.createDirectory(folder.resolve("broken"));
        Files.writeString(folder.resolve("broken/metrics.jsonl"), "{\"kind\":\"step\"}\n" + STEP.formatted(1, "1.0"));
        jar.run(command.split(" ")).failed(exit, reason);
        assertEquals(Set.of("metrics.jsonl"), files(run));
        assertEquals(Set.of("metrics.jsonl"), files(folder.resolve("broken")));
    }

    @Test
    void aTrainingWithoutAStepHasNoPicture() throws IOException, InterruptedException {
        Files.writeString(run.resolve("metrics.jsonl"), "");
        String out = jar.run("report", "--run", "run").succeeded().out();
        assertTrue(out.contains("but not " + Path.of("run/loss.png") + ": no loss has been noted yet"), out);
        assertEquals(Set.of("metrics.jsonl", "report.html"), files(run));
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aJavaWithoutFontsWritesThePageAlone() throws IOException, InterruptedException {
        Path fonts =
                Files.writeString(folder.resolve("fonts.conf"), "<?xml version=\"1.0\"?><fontconfig></fontconfig>");
        Path out = folder.resolve("out.log");
        ProcessBuilder java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Duser.home=" + folder, // where Java remembers fonts
                        "-jar",
                        System.getProperty("panhead.jar"),
                        "report",
                        "--run",
                        "run")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(out.toFile());
        java.environment().put("FONTCONFIG_FILE", fonts.toString());
        assertEquals(0, java.start().waitFor());
        String said = Files.readString(out, StandardCharsets.UTF_8);
        assertTrue(said.contains("wrote run/report.html, but not run/loss.png: this Java cannot draw text"), said);
        assertEquals(1, said.lines().count(), said);
        assertEquals(Set.of("metrics.jsonl", "report.html"), files(run));
    }

    @Test
    void theHelpHasAnExample() throws IOException, InterruptedException {
        assertTrue(jar.run("report", "--help").succeeded().out().contains("Example: panhead report --model"));
    }

    @Test
    void theJarHasOfTheChartLibraryWhatThePageTakesAndNothingUnderTheGpl() throws IOException {
        try (JarFile file = new JarFile(System.getProperty("panhead.jar"))) {
            List<String> names = file.stream()
                    .filter(entry -> !entry.isDirectory())
                    .map(entry -> entry.getName())
                    .toList();
            String place = "META-INF/resources/webjars/uplot/1.6.30/";
            assertEquals(
                    Set.of(place + "LICENSE", place + "dist/uPlot.iife.min.js", place + "dist/uPlot.min.css"),
                    names.stream().filter(name -> name.contains("webjars")).collect(Collectors.toSet()));
            assertTrue(names.stream().anyMatch(name -> name.startsWith("org/knowm/xchart/")), "no XChart");
            assertFalse(
                    names.stream().anyMatch(name -> name.startsWith("de/erichseifert/")), "VectorGraphics2D is LGPL");
        }
    }
}
