package dev.panhead.trainer.loop;

import dev.panhead.tensor.Matrix;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.Parameter;
import java.util.ArrayList;
import java.util.List;

/**
 * A piece of a parameter that learns: all of it, or what is not frozen.
 *
 * @param value the parameters
 * @param gradient of the same shape
 * @param states what the optimizer remembers, each of the same shape
 * @param decays whether weight decay pulls on it
 */
record Learned(Matrix value, Matrix gradient, List<Matrix> states, boolean decays) {

    /** The pieces of a parameter around frozen rows of the head; the head's bias has them as columns. */
    static List<Learned> pieces(Parameter parameter, List<Matrix> states, List<RowRange> frozen) {
        Learned whole = new Learned(parameter.value(), parameter.gradient(), states, parameter.decays());
        boolean bias = parameter.name().equals(LanguageModel.HEAD_BIAS);
        if (frozen.isEmpty() || !bias && !parameter.name().equals(LanguageModel.HEAD_WEIGHT)) {
            return List.of(whole);
        }
        int rows = bias ? parameter.value().columns() : parameter.value().rows();
        List<Learned> pieces = new ArrayList<>();
        for (RowRange range : RowRange.rest(frozen, rows)) {
            pieces.add(new Learned(
                    cut(whole.value, range, bias),
                    cut(whole.gradient, range, bias),
                    states.stream().map(state -> cut(state, range, bias)).toList(),
                    whole.decays));
        }
        return pieces;
    }

    private static Matrix cut(Matrix matrix, RowRange range, boolean columns) {
        int count = range.to() - range.from() + 1;
        return columns ? matrix.view(0, range.from(), 1, count) : matrix.view(range.from(), 0, count, matrix.columns());
    }
}
