/** What the engine found on this machine, and how fast the machine is: {@link dev.panhead.probe.Machine}. */
package dev.panhead.probe;
