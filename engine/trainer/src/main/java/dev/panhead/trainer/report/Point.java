package dev.panhead.trainer.report;

/**
 * What was noted of a training at a step. A figure that was not noted, or was no number, is NaN.
 *
 * @param step steps done
 * @param seconds time taken
 * @param tokens tokens learned from
 * @param loss training loss in nats a token
 * @param bitsPerByte training loss in bits a byte of text
 * @param learningRate of the step
 * @param gradientNorm before clipping
 * @param gradientDensity fraction of the entries of the logits' gradient that were multiplied
 * @param keptMass fraction of it, by size, that was neither rounded nor left out
 * @param tokensPerSecond over the whole training
 */
record Point(
        long step,
        double seconds,
        double tokens,
        double loss,
        double bitsPerByte,
        double learningRate,
        double gradientNorm,
        double gradientDensity,
        double keptMass,
        double tokensPerSecond) {

    /** The same, so many seconds later. */
    Point later(double offset) {
        return offset == 0
                ? this
                : new Point(
                        step,
                        seconds + offset,
                        tokens,
                        loss,
                        bitsPerByte,
                        learningRate,
                        gradientNorm,
                        gradientDensity,
                        keptMass,
                        tokensPerSecond);
    }
}
