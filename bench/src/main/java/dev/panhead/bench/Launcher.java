package dev.panhead.bench;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * Starts the command line in a process of its own, with what the harness needs to be quiet: it uses sun.misc.Unsafe, of which
 * Java else warns in four lines, here and in each of the processes that measure. This class uses nothing younger than Java 8.
 */
public final class Launcher {

    private static final int REQUIRED = 25;
    private static final int TOO_OLD = 2;
    private static final String MAIN = "dev.panhead.bench.Main";

    /** Commands that measure in their own process, or can. */
    private static final List<String> IN_PROCESS = Arrays.asList("features", "gradients", "threads", "jmh");

    private Launcher() {}

    /** Starts the command line, and ends with its exit code. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        String version = System.getProperty("java.specification.version", "");
        int release = version.startsWith("1.") ? Integer.parseInt(version.substring(2)) : Integer.parseInt(version);
        if (release < REQUIRED) {
            System.err.println("panhead-bench needs Java " + REQUIRED + " or newer, but was started with Java "
                    + version + " (" + System.getProperty("java.home") + ")");
            System.exit(TOO_OLD);
        }
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("java.home") + File.separator + "bin" + File.separator + "java");
        command.add("--sun-misc-unsafe-memory-access=allow");
        if (!Collections.disjoint(Arrays.asList(arguments), IN_PROCESS)) {
            command.add("--add-modules=jdk.incubator.vector");
        }
        command.addAll(Arrays.asList("-cp", System.getProperty("java.class.path"), MAIN));
        command.addAll(Arrays.asList(arguments));
        Process process = new ProcessBuilder(command).inheritIO().start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy)); // a signal may reach only this process
        System.exit(process.waitFor());
    }
}
