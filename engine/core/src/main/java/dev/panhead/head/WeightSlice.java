package dev.panhead.head;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.MemorySegment;

/** Where a task's slice of dW goes: into the caller's matrix, or into a worker's own memory, which holds the slice alone. */
final class WeightSlice {

    private final Matrix own;
    private Matrix matrix;
    private int row;
    private int column;

    /** Its own memory, or null if it is never used. */
    WeightSlice(Matrix own) {
        this.own = own;
    }

    /** Begins a slice that lies in dW, or alone if that is null. */
    void begin(Matrix whole, int row, int column) {
        matrix = whole == null ? own : whole;
        this.row = whole == null ? row : 0;
        this.column = whole == null ? column : 0;
    }

    /** Lets go of dW. */
    void end() {
        matrix = own;
    }

    Matrix matrix() {
        return matrix;
    }

    MemorySegment segment() {
        return matrix.segment();
    }

    /** Byte offset of an element of dW. */
    long offset(int row, int column) {
        return matrix.offset(row - this.row, column - this.column);
    }

    /** The matrix's row and column of an element of dW. */
    int row(int row) {
        return row - this.row;
    }

    int column(int column) {
        return column - this.column;
    }
}
