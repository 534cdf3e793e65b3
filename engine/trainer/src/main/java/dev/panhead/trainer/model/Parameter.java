package dev.panhead.trainer.model;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/** A matrix that can be trained, and its gradient once it is. */
public final class Parameter {

    private final String name;
    private final Matrix value;
    private Matrix gradient;

    private Parameter(String name, Matrix value) {
        this.name = name;
        this.value = value;
    }

    /** A parameter of zeros. */
    static Parameter zeros(Arena arena, String name, int rows, int columns) {
        return new Parameter(name, Matrix.allocate(arena, rows, columns));
    }

    /** A parameter drawn from a normal distribution of mean 0, or of zeros, if there is nothing to draw from. */
    static Parameter normal(
            Arena arena, String name, int rows, int columns, double deviation, SplittableRandom random) {
        Parameter parameter = zeros(arena, name, rows, columns);
        for (int r = 0; random != null && r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                parameter.value.set(r, c, (float) (deviation * normal(random)));
            }
        }
        return parameter;
    }

    /** A number that is nearly normally distributed: the inverse of that distribution is not specified to the bit, a sum is. */
    static double normal(SplittableRandom random) {
        double sum = -6;
        for (int i = 0; i < 12; i++) {
            sum += random.nextDouble();
        }
        return sum;
    }

    /** Its name in model files. */
    public String name() {
        return name;
    }

    /** The parameters. */
    public Matrix value() {
        return value;
    }

    /** Whether weight decay pulls on it: on the weights of linear layers, not on embeddings and biases. */
    public boolean decays() {
        return value.rows() > 1 && !name.contains("embedding");
    }

    /** Takes memory for the gradient: the parameter is to be trained. */
    public void allocateGradient(Arena arena) {
        gradient = Matrix.allocate(arena, value.rows(), value.columns());
    }

    /** dL/d value, of the same shape; null if it is not asked for. */
    public Matrix gradient() {
        return gradient;
    }
}
