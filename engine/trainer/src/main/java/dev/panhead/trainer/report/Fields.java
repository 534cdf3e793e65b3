package dev.panhead.trainer.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A JSON object's fields by name and type.
 *
 * @param values as the parser gave them
 */
record Fields(Map<?, ?> values) {

    static final Fields NONE = new Fields(Map.of());

    /** Whether a field is there and not null. */
    boolean has(String name) {
        return values.get(name) != null;
    }

    /**
     * A number; NaN where it is missing, null, or written as "NaN" or "Infinity" in quotes.
     *
     * @throws IllegalArgumentException if the field is something else
     */
    double number(String name) {
        Object value = values.get(name);
        if (value == null) {
            return Double.NaN;
        }
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        if (value instanceof String text && text.matches("NaN|[+-]?Infinity")) {
            return Double.parseDouble(text);
        }
        throw mistaken(name, value, "a number");
    }

    /**
     * The field "step", which is there in every line that has a place in the training.
     *
     * @throws IllegalArgumentException if there is none, or it is no whole number from 0
     */
    long step() {
        Object value = values.get("step");
        if (value instanceof Integer || value instanceof Long) {
            long step = ((Number) value).longValue();
            if (step >= 0 && step <= 1L << 53) { // the charts' numbers are doubles
                return step;
            }
        }
        throw mistaken("step", value, "a whole number from 0");
    }

    /** A string; a number or truth value as it is written; empty where the field is missing. */
    String text(String name) {
        return switch (values.get(name)) {
            case null -> "";
            case String text -> text;
            case Number number -> number.toString();
            case Boolean flag -> flag.toString();
            case Object other -> throw mistaken(name, other, "a string");
        };
    }

    /** Whether a field is true. */
    boolean flag(String name) {
        return Boolean.TRUE.equals(values.get(name));
    }

    /** An object's fields; none where it is missing. */
    Fields object(String name) {
        return switch (values.get(name)) {
            case null -> NONE;
            case Map<?, ?> object -> new Fields(object);
            case Object other -> throw mistaken(name, other, "an object");
        };
    }

    /** An array of objects; empty where it is missing. */
    List<Fields> objects(String name) {
        Object value = values.get(name);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof List<?> list)) {
            throw mistaken(name, value, "an array of objects");
        }
        List<Fields> objects = new ArrayList<>();
        for (Object element : list) {
            if (!(element instanceof Map<?, ?> object)) {
                throw mistaken(name, value, "an array of objects");
            }
            objects.add(new Fields(object));
        }
        return objects;
    }

    private static IllegalArgumentException mistaken(String name, Object value, String expected) {
        return new IllegalArgumentException(name + " is " + shorten(value) + ", not " + expected);
    }

    private static String shorten(Object value) {
        if (value == null) {
            return "missing";
        }
        String text = value.toString();
        return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }
}
