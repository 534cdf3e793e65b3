package dev.panhead.head;

import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.Panels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The scratch memory of figures that not every call wants: entropies, predictions, ranks and sums of capped logits. Statistics of a vocabulary block and a
 * token, laid out like the chunk's: [vocabulary block][group][NR]; taken when the first of them is asked for.
 */
final class Observations {

    /** Sums of e^(u - m) (u - m). */
    final MemorySegment energies;

    /** Rows of the maxima within their block. */
    final MemorySegment indices;

    /** Sums of c_v u_v. */
    final MemorySegment weighted;

    /** Numbers of logits above the target's. */
    final MemorySegment counts;

    /** The blocks' maxima, which the chunk's own do not stay. */
    final MemorySegment maxima;

    /** Each worker's tile of exponentials, where they are not kept but the logits still wanted. */
    final Panels exponentials;

    /** The largest logits; null if none are ever wanted. */
    final TopEntries top;

    /** Which of them the call at hand wants. */
    boolean wantsEnergies;

    boolean wantsIndices;
    boolean wantsCounts;
    boolean wantsWeighted;
    boolean wantsTop;

    Observations(Arena arena, Chunk chunk, int topK) {
        top = topK == 0 ? null : new TopEntries(arena, chunk, topK);
        long floats = (long) chunk.vocabularyBlocks() * chunk.capacity;
        energies = Chunk.allocate(arena, floats);
        indices = Chunk.allocate(arena, floats);
        weighted = Chunk.allocate(arena, floats);
        counts = Chunk.allocate(arena, floats);
        maxima = Chunk.allocate(arena, floats);
        exponentials = Panels.vector(arena, chunk.tile, chunk.workers.size(), Chunk.VOCABULARY_BLOCK);
    }

    /** Bytes that the scratch of a chunk takes. */
    static long bytes(int workers, int capacity, int vocabulary, int topK) {
        long blocks = Math.ceilDiv(vocabulary, Chunk.VOCABULARY_BLOCK);
        return 5 * blocks * capacity * Float.BYTES
                + workers * Kernels.current().matrix().tile().vectorBytes(Chunk.VOCABULARY_BLOCK)
                + TopEntries.bytes(workers, capacity, topK);
    }

    /** Whether a call wants any. */
    static boolean wanted(HeadOptions options, HeadInputs inputs, HeadOutputs outputs) {
        return wantsEnergies(inputs, outputs)
                || wantsWeighted(options)
                || outputs.predictions() != null
                || outputs.ranks() != null
                || outputs.wantsTop();
    }

    private static boolean wantsEnergies(HeadInputs inputs, HeadOutputs outputs) {
        return outputs.entropies() != null || inputs.entropyUpstream() != null;
    }

    /** Whether the smoothed share of the loss is not linear in the hidden states. */
    private static boolean wantsWeighted(HeadOptions options) {
        return options.softcap() > 0 && options.spreads();
    }

    /** Takes what a call wants. */
    void begin(HeadOptions options, HeadInputs inputs, HeadOutputs outputs) {
        wantsEnergies = wantsEnergies(inputs, outputs);
        wantsWeighted = wantsWeighted(options);
        wantsIndices = outputs.predictions() != null;
        wantsCounts = outputs.ranks() != null;
        wantsTop = outputs.wantsTop();
    }
}
