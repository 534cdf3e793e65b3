package dev.panhead.kernel;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Panels for the micro-kernel, each a segment of its own that begins at offset 0: cutting segments in the loops would leave
 * objects on the heap, since C2 does not remove them there.
 */
public final class Panels {

    /** Length of a part of a panel: a product may begin with any of them. */
    public static final int PART = 128;

    private final MemorySegment memory;
    private final MemorySegment[] panels; // [panel][part], each with all parts that follow
    private final int parts;
    private final long pitch;

    private Panels(MemorySegment memory, int count, long pitch, long partBytes) {
        this.memory = memory;
        this.pitch = pitch;
        parts = (int) Math.ceilDiv(pitch, partBytes);
        panels = new MemorySegment[count * parts];
        for (int i = 0; i < panels.length; i++) {
            long from = i % parts * partBytes;
            panels[i] = memory.asSlice(i / parts * pitch + from, pitch - from);
        }
    }

    /** Room for broadcast panels that together cover {@code rows} rows, each of length {@code kc} at most. */
    public static Panels broadcast(Arena arena, Tile tile, int rows, int kc) {
        return allocate(arena, tile.broadcastPanels(rows), Tile.broadcastBytes(kc), Tile.broadcastBytes(PART));
    }

    /** Room for {@code count} vector panels, each of length {@code kc} at most. */
    public static Panels vector(Arena arena, Tile tile, int count, int kc) {
        return allocate(arena, count, tile.vectorBytes(kc), tile.vectorBytes(PART));
    }

    private static Panels allocate(Arena arena, int count, long pitch, long partBytes) {
        return new Panels(arena.allocate(count * pitch, Matrix.ALIGNMENT), count, pitch, partBytes);
    }

    /** How many there are. */
    public int count() {
        return panels.length / parts;
    }

    /** One panel. */
    public MemorySegment get(int index) {
        return get(index, 0);
    }

    /** One panel from a part on. */
    public MemorySegment get(int index, int part) {
        return panels[index * parts + part];
    }

    /** All panels, one after the other. */
    public MemorySegment memory() {
        return memory;
    }

    /** Bytes from a panel to the next. */
    public long pitch() {
        return pitch;
    }
}
