package dev.panhead.trainer.report;

/**
 * How far a training is.
 *
 * @param step steps done
 * @param progress fraction done
 * @param seconds time taken, evaluation on the way included
 * @param tokens tokens learned from
 * @param tokensPerSecond over the whole training, evaluation left out
 * @param loss running mean of the training loss in nats
 * @param learningRate of the last step
 * @param gradientNorm before clipping
 */
public record Status(
        long step,
        double progress,
        double seconds,
        long tokens,
        double tokensPerSecond,
        double loss,
        double learningRate,
        double gradientNorm) {}
