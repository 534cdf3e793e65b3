package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Runs the built jar as its users do, in a process of its own. Its output goes to files: no pipe can fill up. */
final class PanheadJar {

    private static final int SECONDS = 60;
    private static final String MODULES =
            "panhead-|picocli|progressbar|jline|jackson|commons-math3|jtokkit|xchart|uplot";

    private final Path folder;
    private final List<String> java;

    /** What a run left behind. */
    record Outcome(int exit, byte[] outBytes, String err) {

        String out() {
            return new String(outBytes, StandardCharsets.UTF_8);
        }

        /** Fails with what was said, unless the run succeeded and had nothing to complain of. */
        Outcome succeeded() {
            assertEquals("", err);
            assertEquals(0, exit, out());
            return this;
        }

        /** Fails unless the run ended with this code and one line of error that holds all of these. */
        void failed(int code, String... expected) {
            assertEquals("", out());
            failedAfterOutput(code, expected);
        }

        /** Fails unless the run, whatever it printed, ended with this code and one line of error that holds all of these. */
        void failedAfterOutput(int code, String... expected) {
            assertEquals(code, exit, err);
            assertTrue(err.matches("panhead: [^\\n\\r]+\\R"), "not one line: " + err);
            for (String part : expected) {
                assertTrue(err.contains(part), err);
            }
        }
    }

    /** A jar to be run in a folder, by the Java that runs the tests, started with these options. */
    PanheadJar(Path folder, String... javaOptions) {
        this(folder, List.of(javaOptions), List.of("-jar", jar().toString()));
    }

    private PanheadJar(Path folder, List<String> javaOptions, List<String> program) {
        this.folder = folder;
        java = new ArrayList<>();
        java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        java.addAll(javaOptions);
        java.addAll(program);
    }

    /**
     * A jar for small work: one process, so that what is killed is what trains, without the optimizing compiler, which would
     * take longer than the work, and with an archive of classes. What it computes is the same to the bit.
     */
    static PanheadJar quick(Path folder) throws IOException, InterruptedException {
        return quick(folder, "-XX:SharedArchiveFile=" + archive(folder));
    }

    private static PanheadJar quick(Path folder, String archive) {
        return new PanheadJar(
                folder,
                "-Dpanhead.relaunch=false",
                "-Dpanhead.kernel=scalar",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xlog:disable", // an archive that does not fit is no matter
                archive);
    }

    /** The classes that a training loads, as the first class of a build that asks for them has made it leave them. */
    private static Path archive(Path folder) throws IOException, InterruptedException {
        Path root = Path.of(System.getProperty("panhead.root"));
        Path archive = root.resolve("tests/target/panhead.jsa");
        try (FileChannel lock = FileChannel.open(
                root.resolve("tests/target/panhead.jsa.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            lock.lock(); // two classes are tested at a time
            if (Files.notExists(archive)
                    || Files.getLastModifiedTime(archive).compareTo(Files.getLastModifiedTime(jar())) < 0) {
                Path part = archive.resolveSibling("panhead.jsa.part");
                Files.writeString(folder.resolve("archive.txt"), "any text ".repeat(50));
                quick(folder, "-XX:ArchiveClassesAtExit=" + part)
                        .run("train --text archive.txt --out archive --steps 1 --batch 8 --width 4 --threads 1"
                                .split(" "))
                        .succeeded();
                Files.move(part, archive, StandardCopyOption.ATOMIC_MOVE);
            }
        }
        return archive;
    }

    /** The trainer as a module, its parts and libraries those of the tests' class path. */
    static PanheadJar onModulePath(Path folder) {
        String parts = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.replace(File.separatorChar, '/').matches(".*/(" + MODULES + ")[^/]*(/classes)?"))
                .collect(Collectors.joining(File.pathSeparator));
        return new PanheadJar(
                folder,
                List.of("-p", parts),
                List.of("-m", "dev.panhead.trainer/dev.panhead.trainer.launcher.Launcher"));
    }

    private static Path jar() {
        Path jar = Path.of(System.getProperty("panhead.jar"));
        assertTrue(Files.exists(jar), jar + " is not built: it takes mvn verify, or package before the tests");
        return jar;
    }

    Outcome run(String... arguments) throws IOException, InterruptedException {
        return runWithInput(new byte[0], arguments);
    }

    Outcome runWithInput(byte[] input, String... arguments) throws IOException, InterruptedException {
        Running running = start(arguments);
        try (var in = running.process.getOutputStream()) {
            in.write(input);
        } catch (IOException e) {
            assertTrue(e.getMessage().contains("Broken pipe"), e.getMessage()); // it need not read what it is given
        }
        return running.outcome();
    }

    Running start(String... arguments) throws IOException {
        return start(Files.createTempFile(folder, "out", ".log"), arguments);
    }

    /** Runs with standard output going to a file of any kind. */
    Outcome runInto(Path out, String... arguments) throws IOException, InterruptedException {
        Running running = start(out, arguments);
        running.process.waitFor();
        return new Outcome(running.process.exitValue(), new byte[0], Files.readString(running.errFile));
    }

    /** Copies what is in a folder, for a test that changes it. */
    void copy(String from, String to) throws IOException {
        try (var files = Files.walk(folder.resolve(from))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(to).resolve(folder.resolve(from).relativize(file)));
            }
        }
    }

    /** The command that runs it. */
    List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(java);
        command.addAll(List.of(arguments));
        return command;
    }

    private Running start(Path out, String... arguments) throws IOException {
        Path err = Files.createTempFile(folder, "err", ".log");
        Process process = new ProcessBuilder(command(arguments))
                .directory(folder.toFile())
                .redirectOutput(Redirect.to(out.toFile()))
                .redirectError(Redirect.to(err.toFile()))
                .start();
        return new Running(process, out, err);
    }

    /** A run under way. */
    record Running(Process process, Path outFile, Path errFile) {

        /** Waits for a text to be printed. */
        void awaitOutput(String text) throws IOException, InterruptedException {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
            while (!Files.readString(outFile).contains(text)) {
                assertTrue(process.isAlive() && System.nanoTime() < end, () -> text + " was never printed");
                Thread.sleep(20);
            }
        }

        /** Sends a signal to the launcher alone, as {@code kill} does. */
        void signal(String name) throws IOException, InterruptedException {
            assertEquals(
                    0,
                    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                            .start()
                            .waitFor());
        }

        Outcome outcome() throws IOException, InterruptedException {
            List<ProcessHandle> children = process.descendants().toList();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                children.forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
                throw new AssertionError("did not end within " + SECONDS + " s; it said: " + Files.readString(outFile)
                        + Files.readString(errFile));
            }
            return new Outcome(process.exitValue(), Files.readAllBytes(outFile), Files.readString(errFile));
        }
    }
}
