package dev.panhead.trainer.report;

/**
 * How a training ended.
 *
 * @param step steps done, or NaN
 * @param reason in a word; may be empty
 * @param result the last evaluation, of all that is held out, which may have no loss
 */
record End(double step, String reason, HeldOut result) {}
