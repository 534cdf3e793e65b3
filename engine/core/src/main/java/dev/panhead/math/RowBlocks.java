package dev.panhead.math;

import dev.panhead.tensor.Matrix;

/** How element-wise work on a matrix is cut into tasks: some thousand elements each, whole rows. */
public final class RowBlocks {

    private static final int ELEMENTS = 1 << 14;

    private RowBlocks() {}

    /** Rows of each task but the last, at least 1. */
    public static int rows(Matrix matrix) {
        return Math.max(1, ELEMENTS / Math.max(1, matrix.columns()));
    }

    /** The row after the last of a task. */
    public static int end(Matrix matrix, int task) {
        return (int) Math.min((task + 1L) * rows(matrix), matrix.rows());
    }

    /** Number of tasks; 0 for a matrix without elements. */
    public static int count(Matrix matrix) {
        return matrix.size() == 0 ? 0 : Math.ceilDiv(matrix.rows(), rows(matrix));
    }
}
