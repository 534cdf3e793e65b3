/** The training loop and the evaluation. */
package dev.panhead.trainer.loop;
