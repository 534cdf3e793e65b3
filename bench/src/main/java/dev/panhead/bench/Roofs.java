package dev.panhead.bench;

import dev.panhead.bench.Trial.Role;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/** The measured limits: the roofline model of Williams, Waterman and Patterson, 2009. */
final class Roofs {

    /** Name of the roof that is no bandwidth. */
    static final String PEAK = "peak";

    private final Map<Integer, Double> peaks = new TreeMap<>();
    private final Map<Bandwidth, Double> bandwidths = new EnumMap<>(Bandwidth.class);

    /** Takes a limit that was measured. */
    void add(Trial trial, Range gflops, Range gigabytes) {
        if (trial.role() == Role.ROOF && trial.bandwidth() == null) {
            // No fewer than one thread's: that would be one that other programs have taken a processor from.
            double fewer =
                    peaks.values().stream().mapToDouble(peak -> peak).max().orElse(0);
            peaks.put(trial.threads(), Math.max(gflops.max(), fewer));
        } else if (trial.role() == Role.ROOF) {
            bandwidths.put(trial.bandwidth(), gigabytes.max());
        }
    }

    /** The peak of so many threads, in GFLOP/s. */
    double peak(int threads) {
        return peaks.get(threads);
    }

    /** A bandwidth, in GB/s. */
    double bandwidth(Bandwidth bandwidth) {
        return bandwidths.get(bandwidth);
    }

    /**
     * What bounds work of this trial, given its operations and bytes; null if it is to be compared with nothing. A bandwidth is
     * that of all threads: what fewer do is compute.
     */
    Roof over(Trial trial, Range gflops, Range gigabytes) {
        if (trial.role() != Role.WORK) {
            return null;
        }
        double peak = peak(trial.threads());
        if (trial.bandwidth() == null) {
            return new Roof(PEAK, false, peak);
        }
        double bandwidth = bandwidth(trial.bandwidth());
        boolean memory = bandwidth * gflops.median() < peak * gigabytes.median();
        return memory ? new Roof(trial.bandwidth().label(), true, bandwidth) : new Roof(PEAK, false, peak);
    }
}
