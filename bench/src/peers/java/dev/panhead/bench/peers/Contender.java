package dev.panhead.bench.peers;

/** A library that is measured. One workload in the life of a process. */
interface Contender {

    /** Brings the inputs into the library's form, and makes room for outputs that the caller would hold. */
    void load(Inputs inputs);

    /** Gets ready to run; what this and {@link #run} take is the library's own memory. */
    default void plan() {}

    /** Computes once. */
    void run();

    /** A row of a result of the last run. */
    float[] row(Workload.Part part, int row);
}
