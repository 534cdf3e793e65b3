package dev.panhead.trainer.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;

/** Standard output that fails, once, where it cannot be written: on a full disk, or when nobody reads any more. */
final class StandardOutput extends OutputStream {

    /** Nobody reads any more, which is no error of this program's: as {@code head} does when it has seen enough. */
    static final class UnreadException extends UncheckedIOException {

        private static final long serialVersionUID = 1;

        private UnreadException(IOException cause) {
            super("standard output: " + cause.getMessage(), cause);
        }
    }

    private final OutputStream out = new FileOutputStream(FileDescriptor.out);

    private boolean failed;

    private StandardOutput() {}

    /** Puts it in {@link System#out}'s place, which would say nothing and go on. */
    static void install() {
        Charset charset = System.out.charset();
        System.setOut(new PrintStream(new BufferedOutputStream(new StandardOutput(), 1 << 13), false, charset));
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) {
        if (failed) {
            return;
        }
        try {
            out.write(bytes, offset, length);
        } catch (IOException e) {
            failed = true;
            if (String.valueOf(e.getMessage()).contains("Broken pipe")) {
                throw new UnreadException(e);
            }
            throw new UncheckedIOException("standard output: " + e.getMessage(), e);
        }
    }
}
