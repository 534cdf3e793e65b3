package dev.panhead.trainer.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.jr.ob.JSON;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Reads a metrics file, which may still be growing: its last line need not be whole. */
final class MetricsReader {

    /** NaN and Infinity are no JSON, but other writers than ours leave them. */
    private static final JSON LENIENT = new JSON(JsonFactory.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build());

    private MetricsReader() {}

    /**
     * Reads a file of one JSON object a line. Empty lines, and a last one that is not what it should be, are passed over.
     *
     * @throws IOException if another line is malformed: with file, number of the line from 1, and reason
     */
    static TrainingLog read(Path path) throws IOException {
        TrainingLog log = new TrainingLog();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(path), 1 << 16)) {
            IOException malformed = null;
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int number = 1; readLine(in, line); number++) {
                if (malformed != null) {
                    throw malformed;
                }
                try {
                    Fields fields = parse(line.toByteArray());
                    if (fields != null) {
                        log.add(fields);
                    }
                } catch (JsonProcessingException e) {
                    malformed = malformed(path, number, e.getOriginalMessage(), e);
                } catch (IOException | IllegalArgumentException e) {
                    malformed = malformed(path, number, e.getMessage(), e);
                }
            }
        }
        return log;
    }

    private static IOException malformed(Path path, int number, String reason, Exception cause) {
        return new IOException(path + ", line " + number + ": " + reason, cause);
    }

    /** Reads up to the end of a line or of the file; false if there is nothing left. */
    private static boolean readLine(InputStream in, ByteArrayOutputStream line) throws IOException {
        line.reset();
        int b = in.read();
        boolean some = b >= 0;
        while (b >= 0 && b != '\n') {
            line.write(b);
            b = in.read();
        }
        return some;
    }

    /** A line's object, or null if the line is empty. */
    private static Fields parse(byte[] line) throws IOException {
        try (JsonParser parser = LENIENT.createParser(line)) {
            if (parser.nextToken() == null) {
                return null;
            }
            Object value = LENIENT.anyFrom(parser);
            if (!(value instanceof Map<?, ?> object)) {
                throw new IllegalArgumentException("this is not a JSON object");
            }
            if (parser.nextToken() != null) {
                throw new IllegalArgumentException("there is more than one JSON object");
            }
            return new Fields(object);
        }
    }
}
