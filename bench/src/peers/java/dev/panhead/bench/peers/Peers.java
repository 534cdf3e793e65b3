package dev.panhead.bench.peers;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.bench.peers.Workload.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures Panhead beside other libraries. */
@Command(
        name = "panhead-peers",
        mixinStandardHelpOptions = true,
        description = {
            "Measures Panhead and other libraries on the same workloads, each in its own process, in turns.",
            "Ratios are the peer's time over Panhead's: above 1, Panhead is faster."
        },
        footer = {"", "Example: java -jar panhead-peers.jar --workload W2 --peer libtorch --json w2.json"})
public final class Peers implements Callable<Integer> {

    /** Panhead's own name. */
    static final String PANHEAD = "panhead";

    /** The only peer that has more than products of matrices. */
    static final String LIBTORCH = "libtorch";

    private static final List<String> NAMES = List.of(LIBTORCH, "openblas", "mkl", "netlib", "ejml", "ojalgo");

    @Option(names = "--workload", paramLabel = "NAME", description = "Only these, W1 to W12-weight; all by default.")
    private List<String> workloads = List.of();

    @Option(
            names = "--peer",
            paramLabel = "NAME",
            description = "Only these: libtorch, openblas, mkl, netlib, ejml, ojalgo; all by default.")
    private List<String> peers = List.of();

    @Option(names = "--json", paramLabel = "FILE", description = "Write the figures as a JSON array.")
    private Path json;

    private Peers() {}

    /** Measures, prints a table, and ends with 0; with 2 for wrong usage. */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Peers()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        List<Workload> chosen = workloads.isEmpty()
                ? Workload.ALL
                : workloads.stream().map(Workload::named).toList();
        List<String> others = peers.isEmpty() ? NAMES : peers;
        for (String peer : others) {
            if (!NAMES.contains(peer)) {
                throw new IllegalArgumentException("there is no peer " + peer + " among " + NAMES);
            }
        }
        System.out.printf(
                "%-11s %-9s %11s %11s %7s %15s %9s %9s %9s %9s%n",
                "workload", "peer", "panhead ms", "peer ms", "ratio", "min..max", "MiB", "peer MiB", "error", "peer's");
        List<Map<String, Object>> rows = new ArrayList<>();
        boolean failed = false;
        for (Workload workload : chosen) {
            List<String> able = others.stream()
                    .filter(peer -> workload.kind().isGemm() || peer.equals(LIBTORCH))
                    .toList();
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
                    Files.writeString(
                            json,
                            JSON.std.with(JSON.Feature.PRETTY_PRINT_OUTPUT).asString(rows) + "\n");
                }
            }
        }
        return failed ? 1 : 0;
    }

    private static void print(Map<String, Object> row) {
        System.out.printf(
                Locale.ROOT,
                "%-11s %-9s %11.2f %11.2f %7.3f %7.3f..%6.3f %9.0f %9.0f %9.1e %9.1e%n",
                row.get("workload"),
                row.get("peer"),
                row.get("panhead_ms"),
                row.get("peer_ms"),
                row.get("ratio"),
                row.get("ratio_min"),
                row.get("ratio_max"),
                row.get("panhead_extra_mb"),
                row.get("peer_extra_mb"),
                row.get("panhead_rms_rel_error"),
                row.get("peer_rms_rel_error"));
    }
}
