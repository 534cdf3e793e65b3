package dev.panhead.trainer.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Made-up metrics files. */
final class Metrics {

    /** Text that would act as markup, as script or as a place of the template. */
    static final String HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{library}}$1\\";

    private final List<String> lines = new ArrayList<>();

    /** Adds a line of any content. */
    Metrics raw(String line) {
        lines.add(line);
        return this;
    }

    /** Adds an object: its kind, then names and values in turns. */
    Metrics line(String kind, Object... fields) throws IOException {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("kind", kind);
        object.putAll(fields(fields));
        return raw(JSON.std.asString(object));
    }

    static Map<String, Object> fields(Object... fields) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            map.put((String) fields[i], fields[i + 1]);
        }
        return map;
    }

    Path write(Path path) throws IOException {
        Files.writeString(path, String.join("\n", lines) + (lines.isEmpty() ? "" : "\n"), StandardCharsets.UTF_8);
        return path;
    }

    /** A training on text with everything that a report can show. */
    static Metrics ofText() throws IOException {
        Metrics metrics = new Metrics()
                .line(
                        "run",
                        "version",
                        "0.1.0",
                        "started",
                        "2026-11-26T01:02:03Z",
                        "data",
                        "text, 5,002,889 bytes",
                        "model_type",
                        "panhead-window",
                        "parameters",
                        271104,
                        "tokens",
                        4502600,
                        "held_out_tokens",
                        500289,
                        "vocabulary",
                        256,
                        "width",
                        256,
                        "threads",
                        2,
                        "kernel",
                        "vector",
                        "vector_bits",
                        512,
                        "processor",
                        "AMD EPYC",
                        "options",
                        fields("batch", 1024, "learning_rate", 0.004, "schedule", "cosine"));
        for (int step = 20; step <= 4000; step += 20) {
            double loss = 1.3 + 4 * Math.exp(-step / 150.0) + 0.5 * Math.exp(-step / 1500.0);
            double seconds = step * 0.015;
            metrics.line(
                    "step",
                    "step",
                    step,
                    "tokens",
                    step * 1024,
                    "seconds",
                    seconds,
                    "loss",
                    loss,
                    "bits_per_byte",
                    loss / Math.log(2),
                    "learning_rate",
                    0.004 * Math.min(1, step / 200.0),
                    "gradient_norm",
                    0.3 + 9 * Math.exp(-step / 60.0),
                    "tokens_per_second",
                    68_000.0);
            if (step % 200 == 0) {
                double heldOut = loss + 0.06;
                metrics.line(
                        "evaluation",
                        "step",
                        step,
                        "seconds",
                        seconds,
                        "held_out_loss",
                        heldOut,
                        "held_out_bits_per_byte",
                        heldOut / Math.log(2),
                        "held_out_tokens",
                        37976,
                        "held_out_accuracy",
                        0.6 - 0.3 * Math.exp(-step / 600.0));
            }
            if (step % 1000 == 0) {
                metrics.line("audit", "step", step, "tokens", 8, "max_rel_error", 1.2e-7, "bound", 1e-5)
                        .line("checkpoint", "step", step, "file", "step-" + step + ".safetensors", "milliseconds", 12.3)
                        .line("sample", "step", step, "prompt", "In the", "text", " beginning\nGod said, of " + step);
            }
        }
        return metrics.line(
                        "evaluation",
                        "step",
                        4000,
                        "seconds",
                        60.0,
                        "held_out_loss",
                        1.4,
                        "held_out_bits_per_byte",
                        2.0198,
                        "held_out_tokens",
                        500289,
                        "held_out_accuracy",
                        0.6,
                        "whole",
                        true)
                .line(
                        "hardest",
                        "step",
                        4000,
                        "tokens",
                        List.of(
                                fields(
                                        "loss",
                                        14.2,
                                        "target",
                                        " Nebuchadnezzar",
                                        "prediction",
                                        " the",
                                        "context",
                                        "the dream of king",
                                        "position",
                                        123456),
                                fields(
                                        "loss",
                                        12.1,
                                        "target",
                                        "\n",
                                        "prediction",
                                        "\u200b",
                                        "context",
                                        "<b>" + "unbroken".repeat(40))))
                .line("end", "step", 4000, "seconds", 60.1, "reason", "finished", "held_out_loss", 1.4);
    }

    /** A training on hidden states that was killed: rows instead of text, no evaluation, a torn line. */
    static Metrics ofHiddenStates() throws IOException {
        Metrics metrics = new Metrics()
                .line("run", "data", "hidden states, 40,000 rows of 768", "vocabulary", 50257, "width", 768);
        for (int step = 1; step <= 30; step++) {
            metrics.line("step", "step", step, "seconds", 100.0 * step, "loss", 10.8 - 0.1 * step);
        }
        return metrics.line(
                        "hardest",
                        "step",
                        30,
                        "tokens",
                        List.of(fields("loss", 14.2, "target", "1234", "prediction", "11", "position", 7)))
                .raw("{\"kind\":\"step\",\"st");
    }
}
