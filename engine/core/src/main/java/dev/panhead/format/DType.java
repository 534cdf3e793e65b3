package dev.panhead.format;

/** Element types of a safetensors file. */
public enum DType {
    /** Truth values, one byte each. */
    BOOL(1),
    /** Unsigned 8-bit integers. */
    U8(1),
    /** Signed 8-bit integers. */
    I8(1),
    /** Signed 16-bit integers. */
    I16(2),
    /** Unsigned 16-bit integers. */
    U16(2),
    /** IEEE 754 half precision. */
    F16(2),
    /** The upper half of a float32. */
    BF16(2),
    /** Signed 32-bit integers. */
    I32(4),
    /** Unsigned 32-bit integers. */
    U32(4),
    /** IEEE 754 single precision. */
    F32(4),
    /** IEEE 754 double precision. */
    F64(8),
    /** Signed 64-bit integers. */
    I64(8),
    /** Unsigned 64-bit integers. */
    U64(8);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of an element. */
    public int bytes() {
        return bytes;
    }
}
