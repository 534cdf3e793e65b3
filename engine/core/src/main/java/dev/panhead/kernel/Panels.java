package dev.panhead.kernel;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * Panels for the micro-kernel, each a segment of its own that begins at offset 0: cutting segments in the loops would leave
 * objects on the heap, since C2 does not remove them there.
 */
public final class Panels {

    private final MemorySegment memory;
    private final MemorySegment[] panels;
    private final FloatBuffer[] floats;
    private final long pitch;

    private Panels(MemorySegment memory, int count, long pitch, boolean broadcast) {
        this.memory = memory;
        this.pitch = pitch;
        panels = new MemorySegment[count];
        floats = new FloatBuffer[broadcast ? count : 0];
        for (int i = 0; i < count; i++) {
            panels[i] = memory.asSlice(i * pitch, pitch);
            if (broadcast) {
                floats[i] =
                        panels[i].asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
            }
        }
    }

    /**
     * Room for broadcast panels that together cover {@code rows} rows, each of length {@code kc} at most.
     *
     * @throws IllegalArgumentException if that is more than {@link MatrixKernels#LONGEST}
     */
    public static Panels broadcast(Arena arena, Tile tile, int rows, int kc) {
        if (kc > MatrixKernels.LONGEST) {
            throw new IllegalArgumentException("a panel's length is at most " + MatrixKernels.LONGEST + ", not " + kc);
        }
        return allocate(arena, tile.broadcastPanels(rows), Tile.broadcastBytes(kc), true);
    }

    /** Room for {@code count} vector panels, each of length {@code kc} at most. */
    public static Panels vector(Arena arena, Tile tile, int count, int kc) {
        return allocate(arena, count, tile.vectorBytes(kc), false);
    }

    private static Panels allocate(Arena arena, int count, long pitch, boolean broadcast) {
        return new Panels(arena.allocate(count * pitch, Matrix.ALIGNMENT), count, pitch, broadcast);
    }

    /** How many there are. */
    public int count() {
        return panels.length;
    }

    /** One panel. */
    public MemorySegment get(int index) {
        return panels[index];
    }

    /** One broadcast panel as floats, which loops read at an int index: C2 proves that in range more easily than a segment's long offset. */
    public FloatBuffer floats(int index) {
        return floats[index];
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
