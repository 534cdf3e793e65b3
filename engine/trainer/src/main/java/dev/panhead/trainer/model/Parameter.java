package dev.panhead.trainer.model;

import dev.panhead.optim.AdamW;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/**
 * A trained matrix with its gradient and its optimizer's state, all of one shape.
 *
 * @param name its name in model files
 * @param value the parameters
 * @param gradient dL/d value
 * @param moments AdamW's state
 */
public record Parameter(String name, Matrix value, Matrix gradient, AdamW.Moments moments) {

    /** Whether weight decay pulls on it: on the weights of linear layers, not on embeddings and biases. */
    public boolean decays() {
        return value.rows() > 1 && !name.contains("embedding");
    }

    /** The memory of a parameter. */
    static long bytes(long rows, long columns) {
        return 4 * Float.BYTES * rows * columns;
    }

    /** A parameter of zeros. */
    static Parameter zeros(Arena arena, String name, int rows, int columns) {
        return new Parameter(
                name,
                Matrix.allocate(arena, rows, columns),
                Matrix.allocate(arena, rows, columns),
                AdamW.Moments.allocate(arena, rows, columns));
    }

    /** A parameter drawn from a normal distribution of mean 0. */
    static Parameter normal(
            Arena arena, String name, int rows, int columns, double deviation, SplittableRandom random) {
        Parameter parameter = zeros(arena, name, rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                // The inverse of the normal distribution is not specified to the bit; a sum of uniform numbers is.
                double sum = -6;
                for (int i = 0; i < 12; i++) {
                    sum += random.nextDouble();
                }
                parameter.value.set(r, c, (float) (deviation * sum));
            }
        }
        return parameter;
    }
}
