package dev.panhead.format;

import java.io.IOException;

/** A file is not what its format demands; the message says where and why. */
public final class FormatException extends IOException {

    private static final long serialVersionUID = 1;

    /** A message that names the file, the place and the reason. */
    public FormatException(String message) {
        super(message);
    }

    /** A message that names the file, the place and the reason, and what showed it. */
    public FormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
