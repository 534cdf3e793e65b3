/** Text, and how batches are drawn from it. */
package dev.panhead.trainer.data;
