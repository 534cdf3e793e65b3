/** Panhead side by side with other libraries: each in a virtual machine of its own, by turns, against a double-precision oracle. */
package dev.panhead.bench.peers;
