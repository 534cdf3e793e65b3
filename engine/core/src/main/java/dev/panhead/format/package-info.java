/** Files: {@link dev.panhead.format.Safetensors} and {@link dev.panhead.format.Npy}, memory-mapped to read and written atomically. */
package dev.panhead.format;
