package dev.panhead.head;

import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.Targets;
import java.util.Objects;

/**
 * What a head reads, in the letters T tokens, d hidden width, V vocabulary. Views: made once, they serve every step whose data
 * lies in the same place.
 *
 * @param hidden X, hidden states, T x d
 * @param weight W, T's scores are {@code W x_t + b}: V x d, one row per vocabulary entry
 * @param bias b, 1 x V, or null for none; -inf takes an entry out of the vocabulary
 * @param targets a_t, T of them: a vocabulary row or the ignore index
 * @param upstream dL/dl_t, 1 x T, for {@link Reduction#NONE} with gradients; else null
 */
public record HeadInputs(Matrix hidden, Matrix weight, Matrix bias, Targets targets, Matrix upstream) {

    /** Checks that what is needed is there; shapes are checked by the head. */
    public HeadInputs {
        Objects.requireNonNull(hidden, "hidden");
        Objects.requireNonNull(weight, "weight");
        Objects.requireNonNull(targets, "targets");
    }

    /** Inputs without bias and upstream gradient. */
    public static HeadInputs of(Matrix hidden, Matrix weight, Targets targets) {
        return new HeadInputs(hidden, weight, null, targets, null);
    }

    /** These inputs with a bias, 1 x V. */
    public HeadInputs withBias(Matrix bias) {
        return new HeadInputs(hidden, weight, bias, targets, upstream);
    }

    /** These inputs with an upstream gradient per token, 1 x T. */
    public HeadInputs withUpstream(Matrix upstream) {
        return new HeadInputs(hidden, weight, bias, targets, upstream);
    }
}
