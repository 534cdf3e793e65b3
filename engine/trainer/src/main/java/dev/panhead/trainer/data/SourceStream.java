package dev.panhead.trainer.data;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.ZipException;

/** A file's content, whose failures name the file. */
final class SourceStream extends FilterInputStream {

    private final String name;

    /** A content with a name for messages. */
    SourceStream(String name, InputStream content) {
        super(content);
        this.name = name;
    }

    /** A compressed file or an archive could not be unpacked. */
    static TextException broken(String name, IOException cause) {
        String reason = cause instanceof EOFException ? "it is cut off" : cause.getMessage();
        return new TextException(name + " is broken: " + reason, cause);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        try {
            return super.read(bytes, offset, length);
        } catch (EOFException | ZipException e) {
            throw broken(name, e);
        } catch (IOException e) {
            throw new IOException(name + " cannot be read: " + e.getMessage(), e);
        }
    }
}
