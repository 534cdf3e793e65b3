package dev.panhead.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Starts the command line in a process of its own, with what the harness needs to be quiet: it uses sun.misc.Unsafe, of which
 * Java else warns in four lines, here and in each of the processes that measure.
 */
public final class Launcher {

    /** Commands that measure in their own process, or can. */
    private static final List<String> IN_PROCESS =
            List.of(FeaturesCommand.NAME, GradientsCommand.NAME, ThreadsCommand.NAME, JmhCommand.NAME);

    private Launcher() {}

    /** Starts the command line, and ends with its exit code. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--sun-misc-unsafe-memory-access=allow");
        if (IN_PROCESS.stream().anyMatch(List.of(arguments)::contains)) {
            command.add(Host.ADD_VECTORS);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).inheritIO().start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy)); // a signal may reach only this process
        Runtime.getRuntime().exit(process.waitFor());
    }
}
