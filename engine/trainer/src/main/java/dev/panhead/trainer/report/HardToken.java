package dev.panhead.trainer.report;

/**
 * A token that the model did not expect.
 *
 * @param loss in nats, or NaN
 * @param target what came: its text, or its row of the vocabulary
 * @param prediction what was likeliest; may be empty
 * @param context the text before it, or null where tokens are no text
 * @param position which token of the data it is, or NaN
 */
record HardToken(double loss, String target, String prediction, String context, double position) {}
