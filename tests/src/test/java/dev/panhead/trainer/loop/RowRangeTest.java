package dev.panhead.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RowRangeTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            3           | 3       | 0-2,4-9
            0-2         | 0-2     | 3-9
            7-9,0       | 0,7-9   | 1-6
            0-4,5-9     | 0-9     | ''
            2-5,4-6,5   | 2-6     | 0-1,7-9
            9           | 9       | 0-8
            """)
    void rangesAreJoinedInOrderAndTheRestIsWhatIsBetween(String given, String joined, String rest) {
        List<RowRange> ranges = RowRange.inOrder(
                Stream.of(given.split(",")).map(RowRange::parse).toList());
        assertEquals(joined, RowRange.toString(ranges));
        assertEquals(rest, RowRange.toString(RowRange.rest(ranges, 10)));
    }

    @Test
    void noRangeLeavesAll() {
        assertEquals(List.of(new RowRange(0, 9)), RowRange.rest(List.of(), 10));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-", "a", "3-", "-3", "1-2-3", "5-4", "1.5", "9999999999"})
    void whatIsNoRangeIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> RowRange.parse(text));
    }
}
