package dev.panhead.trainer.data;

import java.io.IOException;

/** A text or a file of texts is not what it is said to be; the message says which, where and why. */
public final class TextException extends IOException {

    private static final long serialVersionUID = 1;

    TextException(String message) {
        super(message);
    }

    TextException(String message, Throwable cause) {
        super(message, cause);
    }
}
