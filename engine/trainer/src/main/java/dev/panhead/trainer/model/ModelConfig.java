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
        requireInRange("context", context);
        requireInRange("embedding", embedding);
        requireInRange("width", width);
        if (vocabulary != BYTES) {
            throw new IllegalArgumentException("tokens are bytes, but the vocabulary is " + vocabulary);
        }
    }

    private static void requireInRange(String name, int value) {
        if (value < 1 || value > 1 << 16) {
            throw new IllegalArgumentException(name + " must be from 1 to 65536, but is " + value);
        }
    }
}
