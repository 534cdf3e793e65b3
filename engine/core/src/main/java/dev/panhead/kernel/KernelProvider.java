package dev.panhead.kernel;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * Picks the kernels, once a process, and says so in one line of log.
 *
 * <p>The system property {@code panhead.kernel} (vector, scalar) forces the implementation and {@code panhead.vectorBits}
 * (128, 256, 512) the width of the vectors; a forced choice that cannot be had is an error.
 */
final class KernelProvider {

    static final String KERNEL_PROPERTY = "panhead.kernel";
    static final String BITS_PROPERTY = "panhead.vectorBits";

    static final Kernels SELECTED = select();

    private KernelProvider() {}

    private static Kernels select() {
        Logger log = System.getLogger("dev.panhead.kernel");
        String forced = System.getProperty(KERNEL_PROPERTY, "");
        Kernels kernels =
                switch (forced) {
                    case "scalar" -> ScalarKernels.create();
                    case "vector" -> {
                        String obstacle = obstacle();
                        if (obstacle != null) {
                            throw new IllegalStateException(KERNEL_PROPERTY + "=vector, but " + obstacle);
                        }
                        yield VectorKernels.create();
                    }
                    case "" -> {
                        String obstacle = obstacle();
                        if (obstacle == null) {
                            yield VectorKernels.create();
                        }
                        log.log(
                                Level.WARNING,
                                "Panhead computes with scalar kernels, many times slower: {0}",
                                obstacle);
                        yield ScalarKernels.create();
                    }
                    default ->
                        throw new IllegalArgumentException(
                                KERNEL_PROPERTY + " must be vector or scalar, but is " + forced);
                };
        log.log(Level.INFO, "Panhead kernels: {0}, {1} bits", kernels.name(), kernels.vectorBits());
        return kernels;
    }

    /** Why the vector kernels cannot serve, or null if they can. */
    private static String obstacle() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return "add --add-modules jdk.incubator.vector to the java command line";
        }
        String vm = System.getProperty("java.vm.info", "");
        if (vm.contains("interpreted mode") || vm.contains("emulated-client")) {
            return "this virtual machine runs without its optimizing compiler (" + vm + "); leave out -Xint and"
                    + " -XX:TieredStopAtLevel";
        }
        return null;
    }
}
