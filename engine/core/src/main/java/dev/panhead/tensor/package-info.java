/** Off-heap data: {@link dev.panhead.tensor.Matrix} of float32 and {@link dev.panhead.tensor.Ints} of int32. */
package dev.panhead.tensor;
