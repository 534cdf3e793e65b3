/** The command line: one class a command. */
package dev.panhead.trainer.cli;
