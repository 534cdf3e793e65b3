package dev.panhead.trainer.model;

/**
 * A model's dimensions.
 *
 * @param context n, tokens that the encoder sees
 * @param embedding width of a token's embedding
 * @param width d, width of the hidden states
 * @param vocabulary V; tokens are bytes
 */
public record ModelConfig(int context, int embedding, int width, int vocabulary) {

    /** Tokens are bytes. */
    public static final int BYTES = 256;

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if a dimension is not positive, or unreasonably large
     */
    public ModelConfig {
        requireInRange("context", context, 1 << 14);
        requireInRange("embedding", embedding, 1 << 16);
        requireInRange("width", width, 1 << 16);
        if (vocabulary != BYTES) {
            throw new IllegalArgumentException("tokens are bytes, but the vocabulary is " + vocabulary);
        }
    }

    private static void requireInRange(String name, int value, int most) {
        if (value < 1 || value > most) {
            throw new IllegalArgumentException(name + " must be from 1 to " + most + ", but is " + value);
        }
    }
}
