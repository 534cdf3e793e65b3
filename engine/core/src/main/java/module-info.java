/**
 * Panhead's library: loss and exact gradients of a language model's last layer (linear + softmax cross-entropy) on a CPU.
 *
 * <p>It depends on nothing but the JDK. The arithmetic uses the Vector API where the application was started with
 * {@code --add-modules jdk.incubator.vector}, and scalar code with the same results, bit for bit, where it was not.
 */
module dev.panhead.core {
    requires static jdk.incubator.vector;

    exports dev.panhead.tensor;
    exports dev.panhead.exec;
    exports dev.panhead.blas;
    exports dev.panhead.math;
    exports dev.panhead.head;
    exports dev.panhead.optim;
    exports dev.panhead.format;
    exports dev.panhead.probe;
}
