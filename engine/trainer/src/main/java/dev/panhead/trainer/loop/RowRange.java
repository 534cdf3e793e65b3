package dev.panhead.trainer.loop;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Rows of the head's weight.
 *
 * @param from the first
 * @param to the last
 */
public record RowRange(int from, int to) {

    private static final Pattern PATTERN = Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?");

    /** Checks the order. */
    public RowRange {
        if (from < 0) {
            throw new IllegalArgumentException("rows are counted from 0, not from " + from);
        }
        if (to < from) {
            throw new IllegalArgumentException("--freeze-rows " + from + "-" + to + " end before they begin");
        }
    }

    /**
     * Reads {@code 7} or {@code 0-255}.
     *
     * @throws IllegalArgumentException if it is neither
     */
    public static RowRange parse(String text) {
        Matcher range = PATTERN.matcher(text.strip());
        if (!range.matches()) {
            throw new IllegalArgumentException("--freeze-rows are written 7 or 0-255, not " + text);
        }
        int from = Integer.parseInt(range.group(1));
        return new RowRange(from, range.group(2) == null ? from : Integer.parseInt(range.group(2)));
    }

    /** The ranges from the first row to the last, those that touch joined. */
    static List<RowRange> inOrder(List<RowRange> ranges) {
        List<RowRange> sorted = new ArrayList<>();
        for (RowRange range :
                ranges.stream().sorted(Comparator.comparingInt(RowRange::from)).toList()) {
            if (!sorted.isEmpty() && range.from <= sorted.getLast().to + 1) {
                RowRange last = sorted.removeLast();
                sorted.add(new RowRange(last.from, Math.max(last.to, range.to)));
            } else {
                sorted.add(range);
            }
        }
        return List.copyOf(sorted);
    }

    /** The rows that are in none of the ranges, which are in order. */
    static List<RowRange> rest(List<RowRange> ranges, int rows) {
        List<RowRange> rest = new ArrayList<>();
        int next = 0;
        for (RowRange range : ranges) {
            if (range.from > next) {
                rest.add(new RowRange(next, range.from - 1));
            }
            next = range.to + 1;
        }
        if (next < rows) {
            rest.add(new RowRange(next, rows - 1));
        }
        return rest;
    }

    static String toString(List<RowRange> ranges) {
        return ranges.stream().map(RowRange::toString).collect(Collectors.joining(","));
    }

    @Override
    public String toString() {
        return from == to ? Integer.toString(from) : from + "-" + to;
    }
}
