package dev.panhead.bench;

import dev.panhead.probe.Machine;

/** Prints which kernels a process picks, and the width of their vectors. */
final class KernelName {

    private KernelName() {}

    /** Takes no arguments. */
    public static void main(String[] arguments) {
        System.out.println(Machine.kernel() + " " + Machine.vectorBits());
    }
}
