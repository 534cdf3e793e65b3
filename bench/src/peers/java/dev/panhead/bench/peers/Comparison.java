package dev.panhead.bench.peers;

import dev.panhead.bench.peers.Workload.Kind;
import dev.panhead.bench.peers.Workload.Part;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** Panhead beside one peer on one workload: each in its own process, in turns. */
final class Comparison {

    private static final double NANOSECONDS = 1e-9;
    private static final double MILLISECONDS = 1e-3;

    /** Seconds of warming up, for each side. */
    private static final double WARM_UP = 4;

    /** Seconds of measuring, for both. */
    private static final double MEASURING = 20;

    private static final int MOST_PAIRS = 15;

    /** Milliseconds that a sample takes at least: short runs are repeated. */
    private static final double SAMPLE = 250;

    private final Workload workload;
    private final Map<Part, double[][]> oracle;

    Comparison(Workload workload, Map<Part, double[][]> oracle) {
        this.workload = workload;
        this.oracle = oracle;
    }

    /** Measures; the result's keys and values, in the order in which they are shown. */
    Map<String, Object> with(String peer) throws IOException {
        try (Side ours = new Side(Peers.PANHEAD, workload);
                Side theirs = new Side(peer, workload)) {
            ours.ready();
            theirs.ready();
            double ourFirst = ours.run(1);
            double theirFirst = theirs.run(1);
            List<Errors> ourErrors = errors(ours);
            List<Errors> theirErrors = errors(theirs);
            int ourRuns = warmUp(ours, ourFirst);
            int theirRuns = warmUp(theirs, theirFirst);
            List<Double> ourTimes = new ArrayList<>();
            List<Double> theirTimes = new ArrayList<>();
            List<Double> ratios = new ArrayList<>();
            long start = System.nanoTime();
            double spent = 0;
            while (ratios.size() < MOST_PAIRS && hasTimeForOneMore(spent, ratios.size())) {
                ourTimes.add(ours.run(ourRuns));
                theirTimes.add(theirs.run(theirRuns));
                ratios.add(theirTimes.getLast() / ourTimes.getLast());
                spent = (System.nanoTime() - start) * NANOSECONDS;
            }
            double[] ourMemory = ours.memory();
            double[] theirMemory = theirs.memory();
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("workload", workload.name());
            row.put("peer", peer);
            row.put("threads", workload.threads());
            if (workload.kind() == Kind.STEP || workload.kind() == Kind.BIASED_STEP) {
                row.put("gradient", Boolean.getBoolean(Panhead.UNBIASED) ? "unbiased" : "exact");
            }
            row.put("panhead_ms", median(ourTimes));
            row.put("peer_ms", median(theirTimes));
            row.put("ratio", median(ratios));
            row.put("ratio_min", ratios.stream().min(Double::compare).orElseThrow());
            row.put("ratio_max", ratios.stream().max(Double::compare).orElseThrow());
            row.put("pairs", ratios.size());
            row.put("panhead_peak_rss_mb", ourMemory[0]);
            row.put("peer_peak_rss_mb", theirMemory[0]);
            row.put("panhead_extra_mb", ourMemory[1]);
            row.put("peer_extra_mb", theirMemory[1]);
            row.put("panhead_max_rel_error", worst(ourErrors, Errors::max));
            row.put("peer_max_rel_error", worst(theirErrors, Errors::max));
            row.put("panhead_rms_rel_error", worst(ourErrors, Errors::rms));
            row.put("peer_rms_rel_error", worst(theirErrors, Errors::rms));
            return row;
        }
    }

    /** Whether one more pair would end in time, so that a workload beside a peer takes about a minute at most; the first one is made anyway. */
    private static boolean hasTimeForOneMore(double spent, int pairs) {
        return pairs == 0 || spent * (pairs + 1) <= MEASURING * pairs;
    }

    /** Runs for a while, of which a first run took some milliseconds, and returns how many runs make a sample. */
    private static int warmUp(Side side, double first) throws IOException {
        long end = System.nanoTime() + (long) ((WARM_UP - first * MILLISECONDS) / NANOSECONDS);
        double time = first;
        while (System.nanoTime() < end) {
            time = side.run(1);
        }
        return (int) Math.max(1, Math.ceil(SAMPLE / time));
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int half = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(half) : (sorted.get(half - 1) + sorted.get(half)) / 2;
    }

    /** The errors of each result, in the compared rows. */
    private List<Errors> errors(Side side) throws IOException {
        List<Errors> all = new ArrayList<>();
        for (Map.Entry<Part, double[][]> entry : oracle.entrySet()) {
            double[][] reference = entry.getValue();
            float[][] computed = side.rows(entry.getKey(), reference.length);
            Errors errors = new Errors();
            for (int i = 0; i < reference.length; i++) {
                for (int j = 0; j < reference[i].length; j++) {
                    errors.add(computed[i][j], reference[i][j]);
                }
            }
            all.add(errors);
        }
        return all;
    }

    /** That of the worst result. */
    private static double worst(List<Errors> errors, ToDoubleFunction<Errors> which) {
        return errors.stream().mapToDouble(which).max().orElseThrow();
    }
}
