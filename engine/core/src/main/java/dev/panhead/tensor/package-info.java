/** Off-heap data: {@link dev.panhead.tensor.Matrix} of float32, {@link dev.panhead.tensor.HalfMatrix} of 16-bit floats to be read, and {@link dev.panhead.tensor.Ints} of int32. */
package dev.panhead.tensor;
