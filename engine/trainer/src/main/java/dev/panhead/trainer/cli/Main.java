package dev.panhead.trainer.cli;

import java.util.logging.Level;
import java.util.logging.Logger;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line. Exit codes: 0 for success, 1 for failure, 2 for wrong usage, 130 after Ctrl-C. */
@Command(
        name = "panhead",
        description = "Trains and evaluates a language model's head on a CPU.",
        version = "panhead 0.1.0",
        mixinStandardHelpOptions = true,
        subcommands = {
            TrainCommand.class,
            EvalCommand.class,
            ScoreCommand.class,
            GenerateCommand.class,
            ValidateCommand.class,
            InfoCommand.class
        },
        footer = {
            "",
            "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.",
            "Example: panhead train --text book.txt --out model"
        })
public final class Main implements Runnable {

    /** Holds the loggers that are configured here, which would else be collected. */
    private static final Logger KERNEL_LOG = Logger.getLogger("dev.panhead.kernel");

    @Spec
    private CommandSpec spec;

    @Option(names = "--stacktrace", description = "Show where an error came from.", scope = ScopeType.INHERIT)
    private boolean stackTrace;

    private Main() {}

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command? see panhead --help");
    }

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] arguments) {
        KERNEL_LOG.setLevel(Level.WARNING); // what was picked is shown by the commands themselves
        System.setProperty("java.util.logging.SimpleFormatter.format", "panhead: %5$s%n");
        int exit = run(arguments);
        System.out.flush();
        if (exit != 0) {
            Runtime.getRuntime().exit(exit);
        }
    }

    static int run(String... arguments) {
        Main main = new Main();
        return new CommandLine(main)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUnmatchedOptionsAllowedAsOptionParameters(false) // a mistyped option is not a path
                .setParameterExceptionHandler((e, args) -> report(e, main.stackTrace, 2))
                .setExecutionExceptionHandler(
                        (e, commandLine, result) -> report(e, main.stackTrace, e instanceof UsageException ? 2 : 1))
                .execute(arguments);
    }

    private static int report(Exception e, boolean stackTrace, int exit) {
        if (stackTrace) {
            e.printStackTrace();
        } else {
            String message = e.getMessage() == null ? e.toString() : e.getMessage();
            System.err.println("panhead: " + message.strip().replaceAll("\\s*\\R\\s*", " "));
        }
        return exit;
    }
}
