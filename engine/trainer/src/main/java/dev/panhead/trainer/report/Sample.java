package dev.panhead.trainer.report;

/**
 * A text that the model wrote.
 *
 * @param step steps done
 * @param prompt what it was given to go on from; may be empty
 * @param text what it wrote after that
 */
record Sample(long step, String prompt, String text) {}
