package dev.panhead.trainer.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;

/** Standard output that fails, once, where it cannot be written: on a full disk, or when nobody reads any more. */
final class StandardOutput extends OutputStream {

    /** Nobody reads any more, which is no error of this program's: as {@code head} does when it has seen enough. */
    static final class UnreadException extends UncheckedIOException {

        private static final long serialVersionUID = 1;

        private UnreadException(IOException cause) {
            super("standard output: " + cause.getMessage(), cause);
        }
    }

    private static final int FILE_TYPE = 0170000;
    private static final int PIPE = 0010000;

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
            if (isPipe()) {
                throw new UnreadException(e);
            }
            throw new UncheckedIOException("standard output: " + e.getMessage(), e);
        }
    }

    /** Whether standard output is a pipe, which fails for want of a reader alone; what the system says of that is in its language. */
    private static boolean isPipe() {
        try {
            return ((int) Files.getAttribute(Path.of("/dev/fd/1"), "unix:mode") & FILE_TYPE) == PIPE;
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return false;
        }
    }
}
