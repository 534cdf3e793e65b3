package dev.panhead.trainer.model;

/**
 * What a model consists of.
 *
 * @param window the encoder under the head, or null if hidden states are given
 * @param width d, width of the hidden states
 * @param vocabulary V, number of tokens
 * @param bias whether the head has one
 * @param softcap the logits' bound c in c tanh(z / c), or 0 for none
 * @param logitScale what the logits are multiplied by
 */
public record ModelConfig(Window window, int width, int vocabulary, boolean bias, float softcap, float logitScale) {

    /** The largest vocabulary. */
    public static final int MOST_TOKENS = 1 << 24;

    /**
     * The dimensions of the encoder.
     *
     * @param context how many tokens before the predicted one it sees
     * @param embedding width of a token's embedding
     */
    public record Window(int context, int embedding) {

        /**
         * Checks the values.
         *
         * @throws IllegalArgumentException if a dimension is not positive, or unreasonably large
         */
        public Window {
            requireInRange("context", context, 1 << 14);
            requireInRange("embedding", embedding, 1 << 16);
        }
    }

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if a dimension is not positive or unreasonably large, or a factor out of range
     */
    public ModelConfig {
        requireInRange("width", width, 1 << 16);
        requireInRange("vocabulary", vocabulary, MOST_TOKENS);
        if (!(softcap >= 0 && softcap < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("softcap must be at least 0 and finite, but is " + softcap);
        }
        if (!(logitScale > 0 && logitScale < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("logit-scale must be more than 0 and finite, but is " + logitScale);
        }
    }

    /** The same for another number of tokens. */
    public ModelConfig withVocabulary(int vocabulary) {
        return new ModelConfig(window, width, vocabulary, bias, softcap, logitScale);
    }

    private static void requireInRange(String name, int value, int most) {
        if (value < 1 || value > most) {
            throw new IllegalArgumentException(name + " must be from 1 to " + most + ", but is " + value);
        }
    }
}
