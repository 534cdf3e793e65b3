package dev.panhead.probe;

/** What the engine found on this machine. */
public final class Machine {
    private Machine() {}
}
