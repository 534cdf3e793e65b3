package dev.panhead.format;

import dev.panhead.tensor.ReadableMatrix;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** Lays tensors out in a safetensors file and writes the header that says so. */
final class HeaderWriter {

    private HeaderWriter() {}

    /**
     * The tensors in the order in which their data lies: wider elements first, so that every element lies at a multiple of its
     * size, which PyTorch asks for.
     */
    static List<ReadableMatrix> order(SequencedMap<String, ? extends ReadableMatrix> matrices) {
        List<ReadableMatrix> order = new ArrayList<>(matrices.values());
        order.sort(Comparator.comparing(RowWriter::elementBytes).reversed()); // stable
        return order;
    }

    /** The header, its tensors in the order given, padded so that what follows it begins at a multiple of 8 bytes. */
    static byte[] header(SequencedMap<String, ? extends ReadableMatrix> matrices, Map<String, String> metadata) {
        StringBuilder json = new StringBuilder("{");
        if (!metadata.isEmpty()) {
            appendQuoted(json, HeaderParser.METADATA).append(":{");
            String separator = "";
            for (Map.Entry<String, String> entry : metadata.entrySet()) {
                String key = requireText("a key of the metadata", entry.getKey());
                appendQuoted(json.append(separator), key).append(':');
                appendQuoted(json, requireText("the metadata of " + key, entry.getValue()));
                separator = ",";
            }
            json.append('}');
        }
        long floats = 0;
        long halves = matrices.values().stream()
                .filter(matrix -> RowWriter.elementBytes(matrix) == Float.BYTES)
                .mapToLong(HeaderWriter::bytes)
                .sum();
        for (Map.Entry<String, ? extends ReadableMatrix> entry : matrices.entrySet()) {
            String name = requireText("a tensor's name", entry.getKey());
            ReadableMatrix matrix = entry.getValue();
            boolean wide = RowWriter.elementBytes(matrix) == Float.BYTES;
            long start = wide ? floats : halves;
            long end = start + bytes(matrix);
            floats = wide ? end : floats;
            halves = wide ? halves : end;
            appendQuoted(json.append(json.length() > 1 ? "," : ""), name)
                    .append(":{\"dtype\":\"")
                    .append(DType.of(matrix))
                    .append("\",\"shape\":[")
                    .append(matrix.rows() == 1 ? "" : matrix.rows() + ",")
                    .append(matrix.columns())
                    .append("],\"data_offsets\":[")
                    .append(start)
                    .append(',')
                    .append(end)
                    .append("]}");
        }
        json.append('}');
        byte[] bytes = json.toString().getBytes(StandardCharsets.UTF_8);
        int padding = Math.floorMod(-bytes.length, Long.BYTES);
        if (bytes.length + padding > Safetensors.MAX_HEADER) {
            throw new IllegalArgumentException("names and metadata take " + bytes.length
                    + " bytes as a header, but the format has at most " + Safetensors.MAX_HEADER);
        }
        byte[] padded = Arrays.copyOf(bytes, bytes.length + padding);
        Arrays.fill(padded, bytes.length, padded.length, (byte) ' ');
        return padded;
    }

    /** A text that can be written and read again. */
    private static String requireText(String what, String text) {
        if (text == null || !StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new IllegalArgumentException(
                    what + (text == null ? " is null" : " has half of a surrogate pair: " + text));
        }
        return text;
    }

    private static long bytes(ReadableMatrix matrix) {
        return (long) matrix.rows() * matrix.columns() * RowWriter.elementBytes(matrix);
    }

    private static StringBuilder appendQuoted(StringBuilder json, String text) {
        json.append('"');
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                json.append('\\').append(c);
            } else if (c < ' ') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"');
    }
}
