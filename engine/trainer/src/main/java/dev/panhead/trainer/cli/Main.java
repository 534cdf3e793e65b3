package dev.panhead.trainer.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line. Exit codes: 0 for success, 1 for failure, 2 for wrong usage, 130 after Ctrl-C, 141 when nobody reads its output, 143 when terminated. */
@Command(
        name = "panhead",
        description = "Trains and evaluates a language model's head on a CPU.",
        versionProvider = Version.class,
        mixinStandardHelpOptions = true,
        subcommands = {
            TrainCommand.class,
            EvalCommand.class,
            ScoreCommand.class,
            GenerateCommand.class,
            ValidateCommand.class,
            ReportCommand.class,
            CompareCommand.class,
            ExportCommand.class,
            InfoCommand.class,
            GenerateCompletion.class,
            HelpCommand.class
        },
        footer = {
            "",
            "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted, 141 output not read, 143 terminated.",
            "Example: panhead train --text book.txt --out model"
        })
public final class Main implements Runnable {

    /** Holds the loggers that are configured here, which would else be collected. */
    private static final Logger KERNEL_LOG = Logger.getLogger("dev.panhead.kernel");

    /** Set by the launcher in the process that it starts. */
    private static final String LAUNCHED = "panhead.launched";

    /** The exit code after an error. */
    static final int FAILURE = 1;

    /** What the JVM says of a page that the system could not fetch from a mapped file. */
    private static final String MEMORY_FAULT = "unsafe memory access";

    /** The exit code of a process whose output nobody reads any more: that of one that was sent SIGPIPE. */
    private static final int UNREAD = 141;

    /** The exit code of a process that was sent SIGTERM. */
    private static final int TERMINATED = 143;

    @Spec
    private CommandSpec spec;

    @Option(names = "--stacktrace", description = "Show where an error came from.", scope = ScopeType.INHERIT)
    private boolean stackTrace;

    private final Interruption interruption = new Interruption();

    private Main() {}

    Interruption interruption() {
        return interruption;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "name a command");
    }

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] arguments) {
        KERNEL_LOG.setLevel(Level.WARNING); // what was picked is shown by the commands themselves
        System.setProperty("java.util.logging.SimpleFormatter.format", "panhead: %5$s%n");
        StandardOutput.install();
        if (Boolean.getBoolean(LAUNCHED)) {
            endWithLauncher();
        }
        int exit = run(arguments);
        if (exit != 0) {
            Runtime.getRuntime().exit(exit);
        }
    }

    /**
     * A launcher that was killed could not pass the signal on: this process ends as if it had been asked to. It has another parent then; to wait for
     * the launcher's end would not do, since to be dead is not to be gone, if nobody has asked after it.
     */
    private static void endWithLauncher() {
        Optional<ProcessHandle> launcher = ProcessHandle.current().parent();
        Thread.ofPlatform().daemon().name("panhead-launcher").start(() -> {
            while (ProcessHandle.current().parent().equals(launcher)) {
                LockSupport.parkNanos(500_000_000);
            }
            Runtime.getRuntime().exit(TERMINATED);
        });
    }

    private static int run(String... arguments) {
        Main main = new Main();
        int exit = FAILURE;
        try {
            exit = run(main, arguments);
        } catch (Error e) { // which the parser's handlers let through
            report(e, main.stackTrace, exit);
        } finally {
            main.interruption.done(exit);
        }
        return exit;
    }

    private static int run(Main main, String... arguments) {
        StringWriter help = new StringWriter();
        int exit = execute(main, new PrintWriter(help), arguments);
        try {
            System.out.print(help);
            System.out.flush();
            return exit;
        } catch (UncheckedIOException e) {
            return exit == 0 ? report(e, main.stackTrace, FAILURE) : exit; // an error that is reported already
        }
    }

    /** What the parser says of a mistyped option where an earlier one would take a value: it names the option in its message alone. */
    private static final Pattern MISTYPED =
            Pattern.compile("Unknown option: '([^']+)'; Expected parameter for option .*", Pattern.DOTALL);

    private static int execute(Main main, PrintWriter help, String... arguments) {
        CommandLine commandLine = new CommandLine(main);
        for (CommandLine command : commandLine.getSubcommands().values()) {
            command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, new SectionedHelp());
        }
        return commandLine
                .setOut(help)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUnmatchedOptionsAllowedAsOptionParameters(false) // a mistyped option is not a path
                .setParameterExceptionHandler((e, args) -> reportUsage(e, main.stackTrace))
                .setExecutionExceptionHandler(
                        (e, command, result) -> report(e, main.stackTrace, e instanceof UsageException ? 2 : FAILURE))
                .execute(arguments);
    }

    /** What the parser says of the values that an option can have: it lists their names in Java, in capitals. */
    private static final Pattern CHOICES = Pattern.compile("expected one of \\[([^\\]]*)\\] \\(case-insensitive\\)");

    private static int reportUsage(ParameterException e, boolean stackTrace) {
        String hint = "see " + e.getCommandLine().getCommandSpec().qualifiedName() + " --help";
        String message = CHOICES.matcher(e.getMessage())
                .replaceAll(choices -> Matcher.quoteReplacement(
                        "expected one of " + choices.group(1).toLowerCase(Locale.ROOT) + ","));
        if (e instanceof UnmatchedArgumentException unmatched) {
            Matcher mistyped = MISTYPED.matcher(message);
            // What follows an unknown option is as unknown, but not what is wrong.
            String first = mistyped.matches()
                    ? mistyped.group(1)
                    : unmatched.getUnmatched().getFirst();
            UnmatchedArgumentException named = new UnmatchedArgumentException(e.getCommandLine(), List.of(first));
            message = named.getMessage();
            if (!named.getSuggestions().isEmpty()) {
                hint = "did you mean " + named.getSuggestions().getFirst() + "? " + hint;
            }
        }
        return report(new UsageException(message + "; " + hint, e), stackTrace, 2);
    }

    private static String message(Throwable e) {
        if (e instanceof FileSystemException file) {
            String reason =
                    switch (file) {
                        case NoSuchFileException none -> "there is no such file or folder";
                        case AccessDeniedException denied -> "permission denied";
                        case FileAlreadyExistsException exists -> "is there already";
                        case FileSystemLoopException loop -> "is a link to what it is in";
                        default -> file.getReason() == null ? file.getClass().getSimpleName() : file.getReason();
                    };
            return file.getFile() + ": " + reason;
        }
        if (e instanceof InternalError && String.valueOf(e.getMessage()).contains(MEMORY_FAULT)) {
            return "a file was cut off, or could no longer be read, while it was in use: " + e.getMessage();
        }
        return e.getMessage() == null || e instanceof Error ? e.toString() : e.getMessage();
    }

    private static int report(Throwable e, boolean stackTrace, int exit) {
        if (e instanceof StandardOutput.UnreadException) {
            return UNREAD;
        }
        if (stackTrace) {
            e.printStackTrace();
        } else {
            System.err.println("panhead: " + message(e).strip().replaceAll("\\s*\\R\\s*", " "));
        }
        return exit;
    }
}
