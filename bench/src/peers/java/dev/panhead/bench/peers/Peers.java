package dev.panhead.bench.peers;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.bench.peers.Workload.Part;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures Panhead beside other libraries. */
@Command(
        name = "panhead-peers",
        description = {
            "Measures Panhead and other libraries on the same workloads, each in its own process, in turns.",
            "Ratios are the peer's time over Panhead's: above 1, Panhead is faster. MiB is the peak of resident memory"
                    + " beyond inputs and outputs, but with the outputs of libtorch, which makes them itself. Errors are against float64, of up to 16 rows of"
                    + " each result: the largest relative to the largest element, and the root of the mean square relative to the elements' own."
        },
        footer = {"", "Example: java -jar panhead-peers.jar --workload W2 --peer libtorch --json w2.json"})
public final class Peers implements Callable<Integer> {

    /** Panhead's own name. */
    static final String PANHEAD = "panhead";

    /** The only peer that has more than products of matrices. */
    static final String LIBTORCH = "libtorch";

    private static final int HELP_WIDTH = 110;

    private static final List<String> NAMES = List.of(LIBTORCH, "openblas", "mkl", "netlib", "ejml", "ojalgo");

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--workload",
            paramLabel = "NAME",
            description = {
                "Only this; may be given again. All by default:",
                "W1 to W7: loss, dX and dW;",
                "W8: loss only;",
                "W9: log-softmax;",
                "W10-1, W10-4, W10-16: decoding of 1, 4, 16 tokens;",
                "W11: AdamW;",
                "W12-logits, W12-hidden, W12-weight: products of matrices, one thread;",
                "BERT, TINY: loss, dX, dW (BERT: and db) of real heads, with --data."
            })
    private List<String> workloads = List.of();

    @Option(
            names = "--peer",
            paramLabel = "NAME",
            description = {
                "Only this; may be given again. All by default:",
                "libtorch: every workload;",
                "openblas, mkl, netlib, ejml, ojalgo: W12 only."
            })
    private List<String> peers = List.of();

    @Option(
            names = "--data",
            paramLabel = "FOLDER",
            description = {
                "Where the real heads' files lie, of one or both:",
                "BERT: bert-mlm-hidden.safetensors, bert-mlm-head.safetensors;",
                "TINY: tinystories260k-hidden.safetensors, tinystories260k-head.safetensors."
            })
    private Path data;

    @Option(
            names = "--errors",
            description =
                    "Instead, for each option of a head: errors against float64, Panhead's and libtorch's; a minute.")
    private boolean errors;

    @Option(
            names = "--unbiased",
            description =
                    "Let Panhead round small entries of the logits' gradient at random, below 2^-8; its errors are then those of that step.")
    private boolean unbiased;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the figures as a JSON array.")
    private Path json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help and exit.")
    private boolean help;

    private Peers() {}

    /** Measures, prints a table, and ends with 0; with 2 for wrong usage, with 1 if anything could not be measured. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Peers())
                .setUsageHelpWidth(HELP_WIDTH)
                .setUnmatchedOptionsAllowedAsOptionParameters(false)
                .setParameterExceptionHandler((e, given) -> fail(e.getMessage() + "; see panhead-peers --help", 2))
                .setExecutionExceptionHandler((e, commandLine, result) -> fail(message(e), 1))
                .execute(arguments));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (errors) {
            return compareErrors();
        }
        System.setProperty(Panhead.UNBIASED, Boolean.toString(unbiased)); // its process is started with it
        List<Workload> chosen = chosen();
        List<String> others = peers.isEmpty() ? NAMES : peers;
        for (String peer : others) {
            if (!NAMES.contains(peer)) {
                throw wrong("there is no peer " + peer + " among " + String.join(", ", NAMES));
            }
        }
        if (json != null) {
            requireWritable(json);
        }
        if (chosen.stream().noneMatch(workload -> others.stream().anyMatch(peer -> isAble(peer, workload)))) {
            throw wrong("only the W12 workloads have other peers than " + LIBTORCH);
        }
        System.out.printf(
                "%-10s %-8s %10s %10s %7s %15s %8s %8s %9s %9s %9s %9s%n",
                "workload",
                "peer",
                "panhead ms",
                "peer ms",
                "ratio",
                "min..max",
                "MiB",
                "peer MiB",
                "max error",
                "peer max",
                "rms error",
                "peer rms");
        List<Map<String, Object>> rows = new ArrayList<>();
        boolean failed = false;
        for (Workload workload : chosen) {
            List<String> able =
                    others.stream().filter(peer -> isAble(peer, workload)).toList();
            if (able.isEmpty()) {
                continue;
            }
            Map<Part, double[][]> oracle = Oracle.compute(workload);
            for (String peer : able) {
                Map<String, Object> row;
                try {
                    row = new Comparison(workload, oracle).with(peer);
                } catch (IOException e) {
                    System.err.println(workload.name() + " with " + peer + ": " + e.getMessage());
                    failed = true;
                    continue;
                }
                print(row);
                rows.add(row);
                if (json != null) {
                    write(rows, json);
                }
            }
        }
        return failed ? 1 : 0;
    }

    private int compareErrors() throws IOException, InterruptedException {
        if (!workloads.isEmpty() || !peers.isEmpty() || data != null || unbiased) {
            throw wrong("--errors takes --json only");
        }
        List<String> arguments = new ArrayList<>();
        if (json != null) {
            requireWritable(json);
            arguments.add(json.toString());
        }
        Process process = Side.java(OptionErrors.THREADS, OptionErrors.class, arguments)
                .redirectOutput(Redirect.INHERIT)
                .start();
        String said = process.errorReader().readAllAsString();
        if (process.waitFor() != 0) {
            throw new IOException(said);
        }
        return 0;
    }

    static void write(List<Map<String, Object>> rows, Path json) throws IOException {
        Files.writeString(json, JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(rows) + "\n");
    }

    private List<Workload> chosen() throws IOException {
        if (data != null && RealHead.in(data).isEmpty()) {
            throw wrong("--data " + data + ": there is no real head's pair of files");
        }
        if (workloads.isEmpty()) {
            return Workload.all(data);
        }
        List<Workload> chosen = new ArrayList<>();
        for (String name : workloads) {
            try {
                chosen.add(Workload.named(name, data));
            } catch (IllegalArgumentException e) {
                throw wrong(e.getMessage());
            }
        }
        return chosen;
    }

    private static boolean isAble(String peer, Workload workload) {
        return peer.equals(LIBTORCH) || workload.kind().isGemm();
    }

    /** Says now what would else be found after the first measurement. */
    private void requireWritable(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file) || folder == null || !Files.isDirectory(folder)) {
            throw wrong("--json " + file + ": is a folder, or in one that is not there");
        }
        if (!Files.isWritable(Files.exists(file) ? file : folder)) {
            throw wrong("--json " + file + ": cannot be written");
        }
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    private static String message(Exception e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private static int fail(String message, int exit) {
        System.err.println("panhead-peers: " + message);
        return exit;
    }

    private static void print(Map<String, Object> row) {
        System.out.printf(
                Locale.ROOT,
                "%-10s %-8s %10.2f %10.2f %7.3f %7.3f..%6.3f %8.0f %8.0f %9.1e %9.1e %9.1e %9.1e%n",
                row.get("workload"),
                row.get("peer"),
                row.get("panhead_ms"),
                row.get("peer_ms"),
                row.get("ratio"),
                row.get("ratio_min"),
                row.get("ratio_max"),
                row.get("panhead_extra_mb"),
                row.get("peer_extra_mb"),
                row.get("panhead_max_rel_error"),
                row.get("peer_max_rel_error"),
                row.get("panhead_rms_rel_error"),
                row.get("peer_rms_rel_error"));
    }
}
