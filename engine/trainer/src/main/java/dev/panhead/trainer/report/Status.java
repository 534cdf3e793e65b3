package dev.panhead.trainer.report;

/**
 * How far a training is.
 *
 * @param step steps done
 * @param progress fraction done
 * @param seconds time taken, evaluation on the way included
 * @param tokens tokens learned from
 * @param tokensPerSecond over the training since its start or resumption, evaluation left out
 * @param loss running mean of the training loss in nats
 * @param bitsPerByte the same in bits a byte of text; NaN if tokens stand for none
 * @param learningRate of the last step
 * @param gradientNorm before clipping; NaN if gradients are not held
 * @param gradientDensity fraction of the logits' gradient that was multiplied; NaN if all of it always is
 * @param keptMass fraction of it, by size, that was neither rounded nor left out; NaN likewise
 */
public record Status(
        long step,
        double progress,
        double seconds,
        long tokens,
        double tokensPerSecond,
        double loss,
        double bitsPerByte,
        double learningRate,
        double gradientNorm,
        double gradientDensity,
        double keptMass) {}
