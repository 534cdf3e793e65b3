/** The start of the standalone jar; compiled for old releases of Java, so that it can say what is missing. */
package dev.panhead.trainer.launcher;
