package dev.panhead.bench;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.panhead.probe.Machine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The report as a JSON object: {@code machine} and {@code results}. Rates are in GFLOP/s and GB/s. */
final class JsonReport {

    private final Measurements measurements;

    JsonReport(Measurements measurements) {
        this.measurements = measurements;
    }

    String json() throws IOException {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("version", Main.Version.number());
        report.put("start", measurements.start().toString());
        report.put("seconds", measurements.duration().toSeconds());
        report.put("forks", measurements.forks());
        report.put("plausible", measurements.isPlausible());
        report.put("machine", machine());
        report.put(
                "results",
                measurements.figures().stream().map(JsonReport::result).toList());
        return JSON.std
                        .with(JSON.Feature.PRETTY_PRINT_OUTPUT, JSON.Feature.WRITE_NULL_PROPERTIES)
                        .asString(report) + "\n";
    }

    private Map<String, Object> machine() {
        Host host = measurements.host();
        Roofs roofs = measurements.roofs();
        List<Map<String, Object>> caches = new ArrayList<>();
        for (Machine.Cache cache : host.caches()) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("level", cache.level());
            entry.put("bytes", cache.bytes());
            entry.put("shared_by", cache.sharedBy());
            caches.add(entry);
        }
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("processor", host.processor());
        machine.put("processors", host.processors());
        machine.put("caches", caches);
        machine.put("java", host.java());
        machine.put("kernel", host.kernel());
        machine.put("vector_bits", host.bits());
        machine.put("threads", host.threads());
        machine.put("peak_gflops", roofs.peak(host.threads()));
        machine.put("peak_gflops_1_thread", roofs.peak(1));
        for (Bandwidth bandwidth : Bandwidth.values()) {
            machine.put(bandwidth.label() + "_gbs", roofs.bandwidth(bandwidth));
        }
        return machine;
    }

    private static Map<String, Object> result(Figure figure) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("group", figure.trial().group());
        result.put("name", figure.trial().name());
        result.put("benchmark", figure.trial().benchmark());
        result.put("parameters", figure.trial().parameters());
        result.put("threads", figure.trial().threads());
        result.put("unit", figure.unit());
        result.put("value", figure.value().median());
        result.put("min", figure.value().min());
        result.put("max", figure.value().max());
        result.put("gflops", figure.gflops().median());
        result.put("gbs", figure.gigabytes().median());
        result.put("roof", figure.roof() == null ? null : figure.roof().name());
        result.put("roof_value", figure.roof() == null ? null : figure.roof().value());
        result.put("share", figure.roof() == null ? null : figure.share());
        result.put("heap_bytes_per_op", Math.round(figure.heapBytes()));
        return result;
    }
}
