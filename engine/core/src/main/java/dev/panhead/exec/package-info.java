/** The threads: {@link dev.panhead.exec.Workers}, created and closed by the caller. */
package dev.panhead.exec;
