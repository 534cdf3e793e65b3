package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.reference.Numbers;
import dev.panhead.tensor.Ints;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;

/** A head's inputs and a place for everything it can write. */
final class HeadCase {
    final int tokens;
    final int vocabulary;
    final int width;
    final Matrix hidden;
    final Matrix weight;
    final Matrix bias;
    final Ints targets;
    final Matrix losses;
    final Matrix dX;
    final Matrix dW;
    final Matrix db;
    HeadOptions options = HeadOptions.DEFAULT.withReduction(Reduction.SUM);
    private final Arena arena;
    private final Workers workers;

    HeadCase(Arena arena, Workers workers, int tokens, int vocabulary, int width) {
        this.arena = arena;
        this.workers = workers;
        this.tokens = tokens;
        this.vocabulary = vocabulary;
        this.width = width;
        Numbers numbers = new Numbers(tokens + 31L * vocabulary + 977L * width);
        hidden = numbers.padded(arena, tokens, width, 1);
        weight = numbers.padded(arena, vocabulary, width, 0.5f);
        bias = numbers.matrix(arena, 1, vocabulary, 1);
        targets = numbers.targets(tokens, vocabulary);
        losses = Numbers.nanPadded(arena, 1, tokens);
        dX = Numbers.nanPadded(arena, tokens, width);
        dW = Numbers.nanPadded(arena, vocabulary, width);
        db = Numbers.nanPadded(arena, 1, vocabulary);
    }

    HeadInputs inputs() {
        return HeadInputs.of(hidden, weight, targets).withBias(bias);
    }

    HeadOutputs outputs() {
        return HeadOutputs.gradients(dX, dW).withBias(Gradient.write(db)).withLosses(losses);
    }

    LinearCrossEntropy head() {
        return head(workers);
    }

    LinearCrossEntropy head(Workers team) {
        return new LinearCrossEntropy(arena, team, tokens, vocabulary, width, options);
    }

    double run() {
        return head(workers).run(inputs(), outputs()).loss();
    }

    int[][] bits() {
        return new int[][] {Numbers.bits(losses), Numbers.bits(dX), Numbers.bits(dW), Numbers.bits(db)};
    }
}
