package dev.panhead.trainer.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.head.GradientMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GradientNameTest {

    @ParameterizedTest
    @CsvSource({
        "exact, exact",
        "unbiased, unbiased:2^-8",
        "unbiased:2^-8, unbiased:2^-8",
        "unbiased:0.00390625, unbiased:2^-8",
        "unbiased:.004, unbiased:0.004",
        "unbiased:4e-4, unbiased:0.0004",
        "unbiased:0.5, unbiased:2^-1",
        "drop:0.01, drop:0.01",
        "drop:1E-5, drop:0.00001",
        "drop:2^-2, drop:0.25",
        "drop-below:2^-20, drop-below:2^-20",
        "' drop-below:0.1 ', drop-below:0.1"
    })
    void aModeHasOneNameThatIsReadAgain(String given, String name) {
        GradientMode mode = GradientName.parse(given, 7);
        assertEquals(name, GradientName.of(mode));
        assertEquals(mode, GradientName.parse(name, 7));
    }

    @Test
    void whatIsRoundedAtRandomHasTheSeed() {
        assertEquals(new GradientMode.Unbiased(0.125, 7), GradientName.parse("unbiased:2^-3", 7));
        assertEquals(new GradientMode.Unbiased(GradientMode.THRESHOLD, -1), GradientName.parse("unbiased", -1));
    }

    @ParameterizedTest
    @CsvSource({
        "fast, 'exact, unbiased, unbiased:TAU, drop:MASS or drop-below:THRESHOLD'",
        "Exact, must be exact",
        "'', must be exact",
        "unbiasedly, must be exact",
        "exact:1, exact has no number",
        "unbiased:, TAU must be from 2^-20 to 2^-1",
        "unbiased:x, 'as 0.004 or 2^-8'",
        "unbiased:NaN, TAU",
        "unbiased:1, TAU",
        "unbiased:0.004f, TAU",
        "unbiased:-0.004, TAU",
        "unbiased:2^-21, TAU",
        "unbiased:2^8, TAU",
        "unbiased:2^-999, TAU",
        "unbiased:1e999999999999, TAU",
        "drop, 'MASS must be above 0 and below 1'",
        "drop:0, MASS",
        "drop:1, MASS",
        "drop-below, THRESHOLD must be from 2^-20 to 2^-1",
        "drop-below:0.6, THRESHOLD"
    })
    void whatIsNoModeIsRefusedWithWhatIsOne(String given, String expected) {
        String said = assertThrows(IllegalArgumentException.class, () -> GradientName.parse(given, 1))
                .getMessage();
        assertTrue(said.startsWith(given + ": ") && said.contains(expected), said);
    }
}
