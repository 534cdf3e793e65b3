package dev.panhead.kernel;

import dev.panhead.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.function.IntUnaryOperator;

/**
 * Panels for the micro-kernel, each a segment of its own that begins at offset 0: cutting segments in the loops would leave
 * objects on the heap, since C2 does not remove them there.
 */
public final class Panels {

    private final MemorySegment memory;
    private final MemorySegment[] panels;
    private final FloatBuffer[] floats;

    /**
     * Vector-side length of what the micro-kernel takes for its own from a panel's beginning on, whatever the panel's length: a constant, so
     * that C2 knows its reads to be in range when it compiles. Memory goes on for as long after the last panel.
     */
    static final int REACH = MatrixKernels.LONGEST + 2;

    private Panels(MemorySegment memory, MemorySegment[] panels, FloatBuffer[] floats) {
        this.memory = memory;
        this.panels = panels;
        this.floats = floats;
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
        int count = tile.broadcastPanels(rows);
        long bytes = Tile.broadcastBytes(kc);
        MemorySegment memory = arena.allocate(count * bytes, Matrix.ALIGNMENT);
        MemorySegment[] panels = new MemorySegment[count];
        FloatBuffer[] floats = new FloatBuffer[count];
        for (int i = 0; i < count; i++) {
            panels[i] = memory.asSlice(i * bytes, bytes);
            floats[i] = panels[i].asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
        }
        return new Panels(memory, panels, floats);
    }

    /** Room for {@code count} vector panels, each of length {@code kc} at most. */
    public static Panels vector(Arena arena, Tile tile, int count, int kc) {
        return vector(arena, tile, count, panel -> kc);
    }

    /** Room for {@code count} vector panels, of lengths of their own. */
    public static Panels vector(Arena arena, Tile tile, int count, IntUnaryOperator kc) {
        long rows = 0;
        for (int i = 0; i < count; i++) {
            rows += kc.applyAsInt(i);
        }
        MemorySegment memory = arena.allocate(vectorBytes(tile, rows), Matrix.ALIGNMENT);
        MemorySegment[] panels = new MemorySegment[count];
        long at = 0;
        for (int i = 0; i < count; i++) {
            panels[i] = memory.asSlice(at, tile.vectorBytes(kc.applyAsInt(i)));
            at += panels[i].byteSize();
        }
        return new Panels(memory, panels, null);
    }

    /** Bytes that vector panels take whose lengths add up to {@code kc}. */
    public static long vectorBytes(Tile tile, long kc) {
        return (kc + REACH) * tile.columns() * Float.BYTES;
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

    /** Where a panel begins in {@link #memory}. */
    long offset(int index) {
        return panels[index].address() - memory.address();
    }
}
