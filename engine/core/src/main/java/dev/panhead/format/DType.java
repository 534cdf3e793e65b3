package dev.panhead.format;

import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;

/** Element types of tensors in files, by the names that safetensors gives them. */
public enum DType {
    /** Truth values, one byte each. */
    BOOL(8),
    /** 4-bit floats, two in a byte. */
    F4(4),
    /** 6-bit floats: 2 bits of exponent, 3 of mantissa. */
    F6_E2M3(6),
    /** 6-bit floats: 3 bits of exponent, 2 of mantissa. */
    F6_E3M2(6),
    /** Unsigned 8-bit integers. */
    U8(8),
    /** Signed 8-bit integers. */
    I8(8),
    /** 8-bit floats: 5 bits of exponent, 2 of mantissa. */
    F8_E5M2(8),
    /** 8-bit floats: 4 bits of exponent, 3 of mantissa. */
    F8_E4M3(8),
    /** Powers of two, 8 bits of exponent. */
    F8_E8M0(8),
    /** 8-bit floats: 4 bits of exponent, 3 of mantissa, no infinity, one zero. */
    F8_E4M3FNUZ(8),
    /** 8-bit floats: 5 bits of exponent, 2 of mantissa, no infinity, one zero. */
    F8_E5M2FNUZ(8),
    /** Signed 16-bit integers. */
    I16(16),
    /** Unsigned 16-bit integers. */
    U16(16),
    /** IEEE 754 half precision. */
    F16(16),
    /** The upper half of a float32. */
    BF16(16),
    /** Signed 32-bit integers. */
    I32(32),
    /** Unsigned 32-bit integers. */
    U32(32),
    /** IEEE 754 single precision. */
    F32(32),
    /** Complex numbers of two single precisions. */
    C64(64),
    /** IEEE 754 double precision. */
    F64(64),
    /** Signed 64-bit integers. */
    I64(64),
    /** Unsigned 64-bit integers. */
    U64(64);

    private final int bits;

    DType(int bits) {
        this.bits = bits;
    }

    /** The type of a matrix's elements: F32, BF16 or F16. */
    public static DType of(ReadableMatrix matrix) {
        return switch (matrix) {
            case Matrix floats -> F32;
            case HalfMatrix halves ->
                switch (halves.format()) {
                    case BFLOAT16 -> BF16;
                    case FLOAT16 -> F16;
                };
        };
    }

    /** Bits of an element; those of less than 8 lie close together, and a tensor of them fills whole bytes. */
    public int bits() {
        return bits;
    }
}
