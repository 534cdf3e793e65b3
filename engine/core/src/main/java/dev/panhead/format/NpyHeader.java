package dev.panhead.format;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The header of an .npy file: a Python dictionary that describes the array.
 *
 * @param descr the elements' type as NumPy names it, such as {@code <f4}
 * @param type the same type
 * @param shape the dimensions, outermost first
 */
record NpyHeader(String descr, DType type, List<Long> shape) {

    private static final Map<String, DType> TYPES = Map.ofEntries(
            Map.entry("|b1", DType.BOOL),
            Map.entry("|i1", DType.I8),
            Map.entry("|u1", DType.U8),
            Map.entry("<i2", DType.I16),
            Map.entry("<u2", DType.U16),
            Map.entry("<i4", DType.I32),
            Map.entry("<u4", DType.U32),
            Map.entry("<i8", DType.I64),
            Map.entry("<u8", DType.U64),
            Map.entry("<f2", DType.F16),
            Map.entry("<f4", DType.F32),
            Map.entry("<f8", DType.F64),
            Map.entry("<c8", DType.C64));

    /** The header of an array in C order that begins {@code before} bytes into the file, as NumPy pads it. */
    static String text(String descr, List<Integer> shape, int before, int alignment) {
        StringBuilder text =
                new StringBuilder("{'descr': '").append(descr).append("', 'fortran_order': False, 'shape': (");
        for (int n : shape) {
            text.append(n).append(", ");
        }
        text.setLength(text.length() - (shape.size() == 1 ? 1 : 2)); // (5,) but (3, 4)
        text.append("), }");
        text.repeat(' ', Math.floorMod(-(before + text.length() + 1), alignment));
        return text.append('\n').toString();
    }

    /**
     * Parses a header, strictly: {@code descr}, {@code fortran_order} and {@code shape}, once each and nothing else.
     *
     * @throws FormatException if it is not one, or describes what is not read here: says which and where
     */
    static NpyHeader parse(String header) throws FormatException {
        HeaderScanner text = new HeaderScanner(header);
        String descr = null;
        boolean fortran = false;
        List<Long> shape = null;
        Set<String> seen = new HashSet<>();
        text.expect('{');
        for (boolean more = !text.closes('}'); more; more = text.goesOn('}') && !text.closes('}')) {
            int start = text.position();
            String key = string(text);
            text.expect(':');
            text.skipBlanks();
            HeaderScanner.requireOnce(seen.add(key), start, key);
            switch (key) {
                case "descr" -> descr = descr(text);
                case "fortran_order" -> fortran = truth(text);
                case "shape" -> shape = text.tuple();
                default -> throw new FormatException("header position " + start + ": unknown key " + key);
            }
        }
        text.expectEnd();
        if (seen.size() != 3) {
            throw new FormatException("the array is not described by descr, fortran_order and shape");
        }
        if (fortran) {
            throw new FormatException("the array is stored by columns (fortran_order), not by rows; "
                    + "numpy.save(file, numpy.ascontiguousarray(array)) stores it by rows");
        }
        return new NpyHeader(descr, type(descr), shape);
    }

    private static DType type(String descr) throws FormatException {
        DType type = TYPES.get(descr);
        if (type != null) {
            return type;
        }
        String reason = "not one of plain numbers";
        if (descr.startsWith(">")) {
            reason =
                    "big-endian; numpy.save(file, array.astype('<" + descr.substring(1) + "')) stores it little-endian";
        } else if (descr.equals("|O")) {
            reason = "Python objects, which are not read";
        } else if (descr.equals("|V2") || descr.equals("<V2")) {
            reason = "16 bits without a meaning; .npy files cannot hold bfloat16, .safetensors files can";
        }
        throw new FormatException("the array's dtype is '" + descr + "': " + reason);
    }

    private static String descr(HeaderScanner text) throws FormatException {
        if (text.peek() == '[' || text.peek() == '(') {
            throw new FormatException(
                    "header position " + text.position() + ": the dtype is structured, not one of plain numbers");
        }
        return string(text);
    }

    private static boolean truth(HeaderScanner text) throws FormatException {
        if (text.accepts("True")) {
            return true;
        }
        if (text.accepts("False")) {
            return false;
        }
        throw text.unexpected("True or False");
    }

    /** A string in quotes of either kind; NumPy writes none with escapes. */
    private static String string(HeaderScanner text) throws FormatException {
        text.skipBlanks();
        char quote = text.peek();
        if (quote != '\'' && quote != '"') {
            throw text.unexpected("a string");
        }
        text.next();
        StringBuilder string = new StringBuilder();
        for (char c = text.next(); c != quote; c = text.next()) {
            if (c == '\\' || c < ' ') {
                throw new FormatException(
                        "header position " + (text.position() - 1) + ": escape or control character in a string");
            }
            string.append(c);
        }
        return string.toString();
    }
}
