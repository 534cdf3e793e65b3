/** Validation of the engine's results against independent double-precision arithmetic. */
package dev.panhead.trainer.check;
