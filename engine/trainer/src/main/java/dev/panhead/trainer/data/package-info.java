/** Text and hidden states, the files they lie in, and how batches are drawn from them. */
package dev.panhead.trainer.data;
