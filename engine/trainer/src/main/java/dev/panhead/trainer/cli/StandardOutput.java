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
            throw new UncheckedIOException("standard output: " + e.getMessage(), e);
        }
    }
}
