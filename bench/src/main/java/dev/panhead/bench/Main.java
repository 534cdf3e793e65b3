package dev.panhead.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line: without a command, the report. Exit codes: 0 for success, 1 for failure, 2 for wrong usage. */
@Command(
        name = "panhead-bench",
        description =
                "Measures Panhead on this machine, in about three minutes, and what it makes of the machine's limits.",
        versionProvider = Main.Version.class,
        mixinStandardHelpOptions = true,
        subcommands = {
            JmhCommand.class,
            ColdCommand.class,
            FeaturesCommand.class,
            GradientsCommand.class,
            ThreadsCommand.class
        },
        footer = {"", "Exit codes: 0 success, 1 failure, 2 wrong usage."})
public final class Main implements Callable<Integer> {

    private static final int MOST_FORKS = 20;

    /** Holds the logger that is configured here, which would else be collected. */
    private static final Logger KERNEL_LOG = Logger.getLogger("dev.panhead.kernel");

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            defaultValue = "panhead-bench.html",
            description = "Where the page goes; ${DEFAULT-VALUE} by default.")
    private Path html;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the figures as JSON, too.")
    private Path json;

    @Mixin
    private ThreadsOption threads;

    @Option(
            names = "--forks",
            paramLabel = "N",
            defaultValue = "1",
            description =
                    "Processes for each benchmark, one after the other; ${DEFAULT-VALUE} by default. More take longer,"
                            + " and show how much compilation varies.")
    private int forks;

    private Main() {}

    /** Runs the command line and ends the process with its exit code. */
    public static void main(String[] arguments) {
        System.setProperty("java.awt.headless", "true");
        KERNEL_LOG.setLevel(Level.WARNING); // what was picked is in the report
        CommandLine commandLine =
                new CommandLine(new Main()).setExpandAtFiles(false).setUnmatchedOptionsAllowedAsOptionParameters(false);
        // What follows -J there is an option, if not this program's.
        commandLine.getSubcommands().get(ColdCommand.NAME).setUnmatchedOptionsAllowedAsOptionParameters(true);
        int exit = commandLine
                .setParameterExceptionHandler((e, given) -> fail(
                        e.getMessage() + "; see "
                                + e.getCommandLine().getCommandSpec().qualifiedName() + " --help",
                        2))
                .setExecutionExceptionHandler((e, command, result) -> fail(message(e), 1))
                .execute(arguments);
        if (exit != 0) {
            Runtime.getRuntime().exit(exit);
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        int count = threads.count(1);
        Limits.require(spec, "--forks", forks, 1, MOST_FORKS);
        requireWritable("--html", html);
        if (json != null) {
            requireWritable("--json", json);
            if (json.toAbsolutePath().normalize().equals(html.toAbsolutePath().normalize())) {
                throw wrong("--html and --json are the same file: " + json);
            }
        }
        new Report(Host.find(count), forks).write(html, json);
        return 0;
    }

    /** Says now what would else be found after three minutes. */
    private void requireWritable(String option, Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (folder == null || Files.isDirectory(file)) {
            throw wrong(option + " " + file + ": is a folder");
        }
        if (!Files.isDirectory(folder)) {
            throw wrong(option + " " + file + ": there is no folder " + folder);
        }
        if (!Files.isWritable(Files.exists(file) ? file : folder)) {
            throw wrong(option + " " + file + ": cannot be written");
        }
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private static String message(Exception e) {
        if (e instanceof NoSuchFileException missing) {
            return missing.getFile() + ": there is no such file";
        }
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private static int fail(String message, int exit) {
        System.err.println("panhead-bench: " + message);
        return exit;
    }

    /** The version that the build wrote into the jar. */
    static final class Version implements IVersionProvider {

        @Override
        public String[] getVersion() {
            return new String[] {"panhead-bench " + number()};
        }

        static String number() {
            String version = Main.class.getPackage().getImplementationVersion();
            return version == null ? "(not packaged)" : version;
        }
    }
}
