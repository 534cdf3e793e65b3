package dev.panhead.trainer.cli;

import dev.panhead.trainer.report.Evaluation;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Evaluations in words and as JSON. */
final class Wording {

    private Wording() {}

    static String of(Evaluation result) {
        String bits = result.bytes() == 0
                ? ""
                : String.format(
                        Locale.ROOT,
                        ", %.4f bits/byte (perplexity %.4f a byte)",
                        result.bitsPerByte(),
                        result.perplexityPerByte());
        return String.format(
                Locale.ROOT,
                "loss %.6f nats, perplexity %.4f, %.2f %% right%s",
                result.loss(),
                result.perplexity(),
                100 * result.accuracy(),
                bits);
    }

    static Map<String, Object> map(Evaluation result) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("loss", result.loss());
        map.put(
                "perplexity",
                Double.isFinite(result.perplexity()) ? result.perplexity() : null); // JSON knows no infinity
        map.put("accuracy", result.accuracy());
        if (result.bytes() > 0) {
            map.put("bits_per_byte", result.bitsPerByte());
            map.put("bytes", result.bytes());
        }
        map.put("tokens", result.tokens());
        return map;
    }
}
