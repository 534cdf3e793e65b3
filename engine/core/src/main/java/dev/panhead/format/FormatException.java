package dev.panhead.format;

import java.io.IOException;

/** A file is not what its format demands; the message says where and why. */
public final class FormatException extends IOException {

    private static final long serialVersionUID = 1;

    FormatException(String message) {
        super(message);
    }

    FormatException(String message, Throwable cause) {
        super(message, cause);
    }
}
