package dev.panhead.trainer.loop;

import dev.panhead.head.GradientMode;
import java.math.BigDecimal;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How a gradient mode is written: {@code exact}, {@code unbiased:2^-8}, {@code drop:0.01} or {@code drop-below:2^-12}. */
public final class GradientName {

    private static final Pattern MODE = Pattern.compile("(exact|unbiased|drop|drop-below)(?::(.*))?");
    private static final Pattern POWER = Pattern.compile("2\\^(-\\d{1,3})");

    private GradientName() {}

    /**
     * Reads a mode's name. A threshold is a number or a power of two, and that of {@code unbiased} may be left out.
     *
     * @param seed of what is rounded at random
     * @throws IllegalArgumentException if it is none, or its number is out of range: says what may be written
     */
    public static GradientMode parse(String text, long seed) {
        Matcher mode = MODE.matcher(text.strip());
        boolean known = mode.matches();
        String value = known ? mode.group(2) : null;
        return switch (known ? mode.group(1) : "") {
            case "exact" -> {
                if (value != null) {
                    throw mistaken(text, "exact has no number");
                }
                yield GradientMode.exact();
            }
            case "unbiased" ->
                new GradientMode.Unbiased(value == null ? GradientMode.THRESHOLD : threshold(text, "TAU", value), seed);
            case "drop" -> GradientMode.drop(mass(text, value));
            case "drop-below" -> GradientMode.dropBelow(threshold(text, "THRESHOLD", value));
            default -> throw mistaken(text, "must be exact, unbiased, unbiased:TAU, drop:MASS or drop-below:THRESHOLD");
        };
    }

    private static double threshold(String text, String name, String value) {
        double threshold = number(value);
        if (!(threshold >= 0x1p-20 && threshold <= 0.5)) {
            throw mistaken(text, name + " must be from 2^-20 to 2^-1, as 0.004 or 2^-8");
        }
        return threshold;
    }

    private static double mass(String text, String value) {
        double mass = number(value);
        if (!(mass > 0 && mass < 1)) {
            throw mistaken(text, "MASS must be above 0 and below 1, as 0.01");
        }
        return mass;
    }

    /** A decimal number or a power of two; NaN if it is neither. */
    private static double number(String value) {
        if (value == null) {
            return Double.NaN;
        }
        Matcher power = POWER.matcher(value);
        try {
            return power.matches()
                    ? Math.scalb(1.0, Integer.parseInt(power.group(1)))
                    : new BigDecimal(value).doubleValue();
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }

    private static IllegalArgumentException mistaken(String text, String expected) {
        return new IllegalArgumentException(text + ": " + expected);
    }

    /** The name of a mode, without the seed. */
    public static String of(GradientMode mode) {
        return switch (mode) {
            case GradientMode.Exact exact -> "exact";
            case GradientMode.Unbiased unbiased -> "unbiased:" + threshold(unbiased.threshold());
            case GradientMode.Drop drop -> "drop:" + decimal(drop.mass());
            case GradientMode.DropBelow drop -> "drop-below:" + threshold(drop.threshold());
        };
    }

    private static String threshold(double value) {
        int exponent = Math.getExponent(value);
        return value == Math.scalb(1.0, exponent) ? "2^" + exponent : decimal(value);
    }

    private static String decimal(double value) {
        return new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
    }
}
