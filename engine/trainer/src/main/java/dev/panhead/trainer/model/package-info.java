/** Where hidden states come from, and the language model that puts the head on top of them. */
package dev.panhead.trainer.model;
