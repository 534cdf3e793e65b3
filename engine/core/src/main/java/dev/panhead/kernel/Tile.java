package dev.panhead.kernel;

/**
 * The register tile of a micro-kernel, and the panels it reads: block sizes as data.
 *
 * <p>A tile is {@code rows} (MR) x {@code columns} (NR) of C, held in registers while k runs. The broadcast side's panel holds,
 * for each k, {@code rows} floats at a pitch of {@link #BROADCAST_PITCH}; the vector side's holds {@code columns} floats for
 * each k, close together.
 *
 * @param rows MR, rows of C, broadcast one by one from A
 * @param columns NR, columns of C, whole vectors of B
 */
public record Tile(int rows, int columns) {

    /** Floats from one k to the next in a broadcast panel: more than MR = 6, since it is filled by eight at once. */
    public static final int BROADCAST_PITCH = 8;

    /** Bytes of a broadcast panel of length {@code kc}. */
    public static long broadcastBytes(int kc) {
        return (long) kc * BROADCAST_PITCH * Float.BYTES;
    }

    /** Bytes of a vector-side panel of length {@code kc}. */
    public long vectorBytes(int kc) {
        return (long) kc * columns * Float.BYTES;
    }

    /** Bytes of a tile. */
    public long bytes() {
        return (long) rows * columns * Float.BYTES;
    }

    /** Number of broadcast panels that cover {@code n} rows. */
    public int broadcastPanels(int n) {
        return Math.ceilDiv(n, rows);
    }

    /** Number of vector-side panels that cover {@code n} columns. */
    public int vectorPanels(int n) {
        return Math.ceilDiv(n, columns);
    }
}
