package dev.panhead.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.reference.Numbers;
import dev.panhead.tensor.HalfMatrix.Format;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HalfMatrixTest {

    @Test
    void knownNumbers() {
        assertEquals(1, Format.BFLOAT16.widen((short) 0x3f80));
        assertEquals(0x1p-133f, Format.BFLOAT16.widen((short) 1));
        assertEquals(1, Format.FLOAT16.widen((short) 0x3c00));
        assertEquals(0x1p-24f, Format.FLOAT16.widen((short) 1));
        assertEquals(65504, Format.FLOAT16.widen((short) 0x7bff));
        assertEquals(Float.NEGATIVE_INFINITY, Format.FLOAT16.widen((short) 0xfc00));
        assertEquals(0x7c00, Format.FLOAT16.narrow(65520));
        assertEquals(0x7f80, Format.BFLOAT16.narrow(Float.MAX_VALUE));
        assertEquals(0x3f80, Format.BFLOAT16.narrow(1 + 0x1p-8f), "half way, to the even one below");
        assertEquals(0x3f82, Format.BFLOAT16.narrow(1 + 3 * 0x1p-8f), "half way, to the even one above");
    }

    /** What is widened and narrowed is the same again, and what lies between two neighbours becomes the nearer one. */
    @ParameterizedTest
    @EnumSource
    void narrowing(Format format) {
        for (int i = 0; i < 1 << 16; i++) {
            float value = format.widen((short) i);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(format.widen(format.narrow(value))));
                continue;
            }
            assertEquals((short) i, format.narrow(value));
            float next = format.widen((short) (i + 1));
            if (Float.isFinite(value) && Float.isFinite(next) && (short) (i + 1) != Short.MIN_VALUE) {
                float middle = (float) (((double) value + next) / 2);
                assertEquals((short) (i + (i & 1)), format.narrow(middle));
                float below = value > 0 || next > 0 ? Math.nextDown(middle) : Math.nextUp(middle);
                float above = value > 0 || next > 0 ? Math.nextUp(middle) : Math.nextDown(middle);
                assertEquals((short) i, format.narrow(below));
                assertEquals((short) (i + 1), format.narrow(above));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void views(Format format) {
        try (Arena arena = Arena.ofConfined()) {
            Matrix values = new Numbers(1).padded(arena, 5, 7, 1);
            HalfMatrix halves = HalfMatrix.of(arena, format, values);
            Matrix widened = halves.toMatrix(arena);
            for (int r = 0; r < 5; r++) {
                for (int c = 0; c < 7; c++) {
                    assertEquals(format.widen(format.narrow(values.get(r, c))), halves.get(r, c));
                    assertEquals(halves.get(r, c), widened.get(r, c));
                }
            }
            HalfMatrix strided = HalfMatrix.wrap(format, halves.segment(), 3, 2, 7);
            assertEquals(halves.get(2, 1), strided.get(2, 1));
            assertEquals(7, strided.rowStride());
            HalfMatrix rows = strided.rows(1, 3);
            assertEquals(2, rows.rows());
            assertEquals(halves.get(2, 1), rows.get(1, 1));
            assertArrayEquals(Numbers.bits(widened.view(1, 0, 2, 2)), Numbers.bits(rows.toMatrix(arena)));
            assertEquals(0, halves.rows(5, 5).rows());
            assertThrows(IndexOutOfBoundsException.class, () -> halves.get(5, 0));
            assertThrows(IndexOutOfBoundsException.class, () -> halves.get(0, 7));
            assertThrows(IndexOutOfBoundsException.class, () -> halves.rows(3, 6));
        }
    }

    @Test
    void refuses() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(20);
            assertRefused("needs 22 bytes, but the segment has 20", segment, 1, 11, 11);
            assertRefused("row stride 4 is less than the 5 columns", segment, 2, 5, 4);
            assertRefused("cannot be -1 x 5", segment, -1, 5, 5);
            assertRefused("off the heap", MemorySegment.ofArray(new short[10]), 1, 10, 10);
            HalfMatrix half = HalfMatrix.wrap(Format.FLOAT16, segment, 2, 5);
            String message = assertThrows(IllegalArgumentException.class, () -> half.requireShape("weight", 5, 2))
                    .getMessage();
            assertEquals("weight must be 5 x 2, but is 2 x 5", message);
            Matrix same = Matrix.wrap(segment, 1, 5);
            assertThrows(IllegalArgumentException.class, () -> same.requireApart("C", "A", half));
            same.requireApart("C", "A", HalfMatrix.wrap(Format.FLOAT16, arena.allocate(20), 2, 5));
        }
    }

    private static void assertRefused(String reason, MemorySegment segment, int rows, int columns, long stride) {
        String message = assertThrows(
                        IllegalArgumentException.class,
                        () -> HalfMatrix.wrap(Format.BFLOAT16, segment, rows, columns, stride))
                .getMessage();
        assertTrue(message.contains(reason), message);
    }
}
