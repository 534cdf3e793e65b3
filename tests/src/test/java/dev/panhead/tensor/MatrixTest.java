package dev.panhead.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class MatrixTest {

    @Test
    void holdsWhatIsPutIn() {
        try (Arena arena = Arena.ofConfined()) {
            Matrix matrix = Matrix.of(arena, 2, 3, 1, 2, 3, 4, 5, 6);
            assertEquals(6, matrix.get(1, 2));
            matrix.set(1, 2, -7);
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, -7}, matrix.toArray());
            assertEquals(0, matrix.segment().address() % Matrix.ALIGNMENT);
        }
    }

    @Test
    void viewsShareMemory() {
        try (Arena arena = Arena.ofConfined()) {
            Matrix matrix = Matrix.allocate(arena, 4, 5);
            Matrix view = matrix.view(1, 2, 2, 3);
            view.fill(9);
            assertEquals(9, matrix.get(2, 4));
            assertEquals(0, matrix.get(0, 4) + matrix.get(3, 2) + matrix.get(1, 1));
            assertEquals(5, view.rowStride());
            assertFalse(view.isContiguous());
            assertTrue(matrix.rows(1, 3).isContiguous());
            assertEquals(0, matrix.view(4, 5, 0, 0).size());
        }
    }

    @Test
    void saysWhatDoesNotFit() {
        try (Arena arena = Arena.ofConfined()) {
            Matrix matrix = Matrix.allocate(arena, 4, 5);
            assertThrows(IndexOutOfBoundsException.class, () -> matrix.get(4, 0));
            assertThrows(IndexOutOfBoundsException.class, () -> matrix.get(0, -1));
            assertThrows(IndexOutOfBoundsException.class, () -> matrix.view(2, 0, 3, 5));
            message("-1 x 3", () -> Matrix.allocate(arena, -1, 3));
            message("needs 80 bytes, but the segment has 79", () -> Matrix.wrap(arena.allocate(79), 4, 5));
            message("row stride 4 is less than the 5 columns", () -> Matrix.wrap(arena.allocate(800), 4, 5, 4));
            message("heap", () -> Matrix.wrap(MemorySegment.ofArray(new float[20]), 4, 5));
            message("has 6 elements, but 5 values", () -> Matrix.of(arena, 2, 3, 1, 2, 3, 4, 5));
            message("x must be 1 x 2, but is 4 x 5", () -> matrix.requireShape("x", 1, 2));
            message("source must be 4 x 5", () -> matrix.copyFrom(Matrix.allocate(arena, 5, 4)));
            message("too large to exist", () -> Matrix.wrap(arena.allocate(80), 4, 5, Long.MAX_VALUE / 4));
            message(
                    "a matrix of 2147483647 x 1 with row stride 2147483648",
                    () -> Matrix.wrap(arena.allocate(80), Integer.MAX_VALUE, 1, 1L << 31));
            message("the very same place", () -> matrix.rows(0, 3).copyFrom(matrix.rows(1, 4)));
            matrix.copyFrom(matrix.view(0, 0, 4, 5));
        }
    }

    @Test
    void knowsWhatOverlaps() {
        try (Arena arena = Arena.ofConfined()) {
            Matrix matrix = Matrix.allocate(arena, 6, 10);
            Matrix left = matrix.view(0, 0, 6, 4);
            assertTrue(matrix.overlaps(left));
            assertTrue(left.overlaps(matrix.view(2, 3, 2, 2)));
            assertFalse(left.overlaps(matrix.view(0, 4, 6, 6)));
            assertFalse(matrix.view(0, 4, 6, 6).overlaps(left));
            assertFalse(matrix.rows(0, 3).overlaps(matrix.rows(3, 6)));
            assertFalse(matrix.overlaps(Matrix.allocate(arena, 6, 10)));
            assertFalse(matrix.overlaps(matrix.view(1, 1, 0, 0)));
            message("a shares memory with b", () -> matrix.requireApart("a", "b", left));
            message("a shares memory with b", () -> matrix.requireApart("a", "b", Ints.wrap(left.segment(), 1)));
            matrix.requireApart("a", "b", Ints.of(1, 2));
            matrix.requireApart("a", "b", (Matrix) null);
            matrix.requireSameOrApart("a", "b", matrix.view(0, 0, 6, 10));
            message("the very same place", () -> matrix.requireSameOrApart("a", "b", left.view(1, 0, 1, 1)));
        }
    }

    @Test
    void targetsAreViews() {
        int[] array = {1, 2, 3, 4};
        Ints view = Ints.of(array).view(1, 3);
        view.set(1, -100);
        assertEquals(-100, array[2]);
        assertEquals(2, view.get(0));
        assertThrows(IndexOutOfBoundsException.class, () -> view.get(2));
        assertThrows(IndexOutOfBoundsException.class, () -> view.view(1, 3));
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(0, Ints.allocate(arena, 3).get(2));
            message("3 ints need 12 bytes, but the segment has 11", () -> Ints.wrap(arena.allocate(11), 3));
        }
    }

    private static void message(String part, org.junit.jupiter.api.function.Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(part), message);
    }
}
