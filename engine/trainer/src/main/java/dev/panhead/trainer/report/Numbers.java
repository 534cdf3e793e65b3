package dev.panhead.trainer.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Duration;
import java.util.Locale;

/** Numbers as people read them. What is not finite is a dash. */
final class Numbers {

    /** Stands where there is no figure. */
    static final String NONE = "–";

    private Numbers() {}

    /** With commas, rounded to a whole number. */
    static String count(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%,.0f", value) : NONE;
    }

    /** Exact up to ten millions, then in millions or billions. */
    static String rounded(double value) {
        double size = Math.abs(value);
        if (!(size >= 1e7 && size < 1e15)) {
            return count(value);
        }
        return size < 1e9
                ? String.format(Locale.ROOT, "%,.1f\u00a0million", value / 1e6)
                : String.format(Locale.ROOT, "%,.2f\u00a0billion", value / 1e9);
    }

    /** With so many decimals. */
    static String decimals(double value, int decimals) {
        if (!Double.isFinite(value)) {
            return NONE;
        }
        return Math.abs(value) < 1e9
                ? String.format(Locale.ROOT, "%,." + decimals + "f", value)
                : significant(value, decimals + 1);
    }

    /** With so many significant digits, and a power of ten where there would be many zeros. */
    static String significant(double value, int digits) {
        if (!Double.isFinite(value)) {
            return NONE;
        }
        BigDecimal rounded = new BigDecimal(value, new MathContext(digits));
        double size = Math.abs(value);
        if (value == 0 || size >= 1e-4 && size < 1e6) {
            return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
        }
        return String.format(Locale.ROOT, "%." + (digits - 1) + "e", value).replaceFirst("e([+-])0?", "e$1");
    }

    static String percent(double fraction) {
        return Double.isFinite(fraction) ? String.format(Locale.ROOT, "%.1f\u00a0%%", 100 * fraction) : NONE;
    }

    /** A time in the two units that say most. */
    static String duration(double seconds) {
        if (!Double.isFinite(seconds) || seconds < 0) {
            return NONE;
        }
        if (seconds < 60) {
            return String.format(Locale.ROOT, "%.1f\u00a0s", Math.min(seconds, 59.9));
        }
        Duration time = Duration.ofSeconds(Math.round(Math.min(seconds, 1e15)));
        if (time.toDays() > 0) {
            return "%,d\u00a0d %d\u00a0h".formatted(time.toDays(), time.toHoursPart());
        }
        if (time.toHours() > 0) {
            return "%d\u00a0h %d\u00a0min".formatted(time.toHours(), time.toMinutesPart());
        }
        return "%d\u00a0min %d\u00a0s".formatted(time.toMinutes(), time.toSecondsPart());
    }
}
