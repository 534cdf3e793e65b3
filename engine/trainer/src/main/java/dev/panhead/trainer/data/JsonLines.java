package dev.panhead.trainer.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** The lines of files, one at a time; what is wrong with one is said with its file and number. */
final class JsonLines {

    /** What is done with each line. */
    @FunctionalInterface
    interface Reader {
        /**
         * Reads a line.
         *
         * @throws LineException if it is not what it should be
         */
        void read(String line) throws LineException;
    }

    /** What is done with a line that is not as it should be. */
    @FunctionalInterface
    interface BadLine {
        /** Takes note of the error, or throws it. */
        void report(TextException error) throws TextException;
    }

    /** A line is not what it should be; the message says where in it, if that is known, and why. */
    static final class LineException extends Exception {

        private static final long serialVersionUID = 1;

        LineException(String reason) {
            super(": " + reason);
        }

        LineException(int column, String reason) {
            super(", column " + column + ": " + reason);
        }
    }

    /** Bytes of the longest line; what is longer is not text. */
    private static final int LONGEST = 1 << 28;

    private static final String BYTE_ORDER_MARK = "\ufeff";

    private JsonLines() {}

    /**
     * Reads a file's lines, the blank ones passed over.
     *
     * @param name what to call the file
     */
    static void read(String name, InputStream content, Reader reader, BadLine bad) throws IOException {
        byte[] bytes = new byte[1 << 16];
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        long number = 1;
        for (int n = content.read(bytes); n >= 0; n = content.read(bytes)) {
            int from = 0;
            for (int i = 0; i < n; i++) {
                if (bytes[i] == '\n') {
                    line.write(bytes, from, i - from);
                    readLine(name, number++, line, reader, bad);
                    from = i + 1;
                }
            }
            line.write(bytes, from, n - from);
            if (line.size() > LONGEST) {
                throw new TextException(name + ", line " + number + ": has more than " + LONGEST + " bytes");
            }
        }
        readLine(name, number, line, reader, bad);
    }

    private static void readLine(String name, long number, ByteArrayOutputStream bytes, Reader reader, BadLine bad)
            throws TextException {
        String place = name + ", line " + number;
        try {
            String line = decode(ByteBuffer.wrap(bytes.toByteArray()), number);
            bytes.reset();
            if (!line.isBlank()) {
                reader.read(line);
            }
        } catch (LineException e) {
            bytes.reset();
            bad.report(new TextException(place + e.getMessage(), e));
        }
    }

    private static String decode(ByteBuffer bytes, long number) throws LineException {
        try {
            String line = Utf8.decode(bytes);
            return number == 1 && line.startsWith(BYTE_ORDER_MARK) ? line.substring(1) : line;
        } catch (TextException e) {
            throw new LineException(e.getMessage());
        }
    }
}
