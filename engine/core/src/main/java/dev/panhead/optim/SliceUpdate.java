package dev.panhead.optim;

import dev.panhead.tensor.Matrix;
import java.util.List;

/**
 * An optimizer's step that is made slice by slice, as the slices of a gradient become final, so that the whole gradient need not exist: the
 * same bits as the step on all of it. {@link AdamW#slices} and {@link Sgd#slices} make them, once for a parameter; each step is prepared
 * first.
 *
 * <p>What is public here beside {@link #updated} and {@link #requirePrepared} is for the head, and checks nothing.
 *
 * <p>A gradient's norm is known when all of it is, so that there is no clipping by it here.
 */
public abstract sealed class SliceUpdate permits AdamW.Slices, Sgd.Slices {

    private final List<Matrix> updated;
    private boolean prepared;

    SliceUpdate(List<Matrix> updated) {
        this.updated = updated;
    }

    /** What is updated: the parameters, and then the optimizer's state, all of one shape. */
    public final List<Matrix> updated() {
        return updated;
    }

    /** The next step may be made. */
    final void prepared() {
        prepared = true;
    }

    /**
     * Checks that a step was prepared.
     *
     * @throws IllegalStateException if none was since the last one was taken
     */
    public final void requirePrepared() {
        if (!prepared) {
            throw new IllegalStateException("this step of the optimizer was not prepared");
        }
    }

    /** Takes the prepared step: the next one is to be prepared anew. */
    public final void taken() {
        prepared = false;
    }

    /**
     * Updates a slice. Threads may do so side by side, each with slices of its own.
     *
     * @param row where the slice begins
     * @param column where the slice begins
     * @param gradient {@code rows x columns} of it, from its element (0, 0) on
     */
    public abstract void update(int row, int column, int rows, int columns, Matrix gradient);
}
