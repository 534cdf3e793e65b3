/** What encoders need around the matrix products: element-wise functions, and operations on whole rows. */
package dev.panhead.math;
