/** Optimizers, each step one pass over its data; gradient-norm clipping; learning-rate schedules. */
package dev.panhead.optim;
