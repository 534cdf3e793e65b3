/** Files: {@link dev.panhead.format.Safetensors}, memory-mapped to read and written atomically. */
package dev.panhead.format;
