package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.SoftmaxKernels;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Forward: logits block by block, each turned into exponentials and statistics while it is in cache.
 *
 * <p>A task is a vocabulary block times some groups of tokens, fewer for the last blocks, so that all workers end together. The target's
 * logit is taken out first (-infinity stands in its place), so that the sums are over the others and nothing has to be subtracted from
 * them later.
 */
final class LogitsPass implements Workers.Task {

    /** What is done with the logits. */
    private enum Mode {
        /** Exponentials and statistics. */
        FORWARD,
        /** Exponentials, their statistics being known. */
        AGAIN,
        /** Those that are not finite are counted. */
        COUNT
    }

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Groups of a task of the last blocks: fewer make packing a block for each task felt. */
    private static final int GROUPS_A_PIECE = 4;

    private final Chunk chunk;
    private final float softcap;
    private final SoftEntries soft;
    private final Smoothing smoothing;
    private final Workers.Task findingTargets = this::findTargets;
    private WeightPanels weight;
    private HeadInputs inputs;
    private GradientScratch scratch;
    private LogitGradientPass keeping;
    private Observations observations;
    private final MemorySegment[] maxima; // each worker's, for statistics that are known already
    private final MemorySegment[] sums;
    private final long[] notFinite; // each worker's
    private Mode mode;
    private int firstBlock;
    private int blocks;
    private int wholeBlocks;
    private int groupsATask;
    private int groupsAPiece;

    LogitsPass(Arena arena, Chunk chunk, HeadOptions options, SoftEntries soft, Smoothing smoothing) {
        this.soft = soft;
        this.smoothing = smoothing;
        this.chunk = chunk;
        softcap = options.softcap();
        notFinite = new long[chunk.workers.size()];
        maxima = new MemorySegment[chunk.workers.size()];
        sums = new MemorySegment[chunk.workers.size()];
        for (int w = 0; w < maxima.length; w++) {
            maxima[w] = Chunk.allocate(arena, chunk.tile.columns());
            sums[w] = Chunk.allocate(arena, chunk.tile.columns());
        }
    }

    /**
     * Computes the chunk's exponentials and statistics.
     *
     * @param scratch keeps the exponentials, or null if they are not wanted
     * @param keeping whether the logits themselves are kept there instead of their exponentials, for that pass; null if not
     * @param observations keeps what else is wanted, or null for nothing
     */
    void run(
            WeightPanels weight,
            HeadInputs inputs,
            GradientScratch scratch,
            LogitGradientPass keeping,
            Observations observations) {
        this.inputs = inputs;
        this.observations = observations;
        try {
            if (observations != null && observations.wantsCounts) {
                chunk.workers.run(chunk.groups, findingTargets);
            }
            if (observations != null && observations.wantsTop) {
                observations.top.begin();
            }
            mode = Mode.FORWARD;
            run(weight, inputs, scratch, keeping, 0, chunk.vocabularyBlocks());
        } finally {
            this.inputs = null;
            this.observations = null;
        }
    }

    /** Computes the exponentials of the scratch memory's window again, to the bit, their statistics being known. */
    void runAgain(WeightPanels weight, HeadInputs inputs, GradientScratch scratch, LogitGradientPass keeping) {
        mode = Mode.AGAIN;
        run(weight, inputs, scratch, keeping, scratch.firstBlock(), scratch.endBlock());
    }

    /** How many of the chunk's logits are NaN or +infinity, or -infinity where the loss has a share of them. */
    long countNonFinite(WeightPanels weight, HeadInputs inputs) {
        Arrays.fill(notFinite, 0);
        mode = Mode.COUNT;
        run(weight, inputs, null, null, 0, chunk.vocabularyBlocks());
        long sum = 0;
        for (long count : notFinite) {
            sum += count;
        }
        return sum;
    }

    private void run(
            WeightPanels weight,
            HeadInputs inputs,
            GradientScratch scratch,
            LogitGradientPass keeping,
            int firstBlock,
            int endBlock) {
        this.weight = weight;
        this.inputs = inputs;
        this.scratch = scratch;
        this.keeping = keeping;
        this.firstBlock = firstBlock;
        blocks = endBlock - firstBlock;
        int splits = Math.max(chunk.splits(blocks, chunk.groups), Math.ceilDiv(chunk.groups, chunk.logitGroups()));
        groupsATask = Math.ceilDiv(chunk.groups, splits);
        groupsAPiece = Math.min(groupsATask, GROUPS_A_PIECE);
        wholeBlocks = chunk.wholeBlocks(blocks);
        int pieces = (blocks - wholeBlocks) * Math.ceilDiv(chunk.groups, groupsAPiece);
        try {
            chunk.workers.run(wholeTasks() + pieces, this);
        } finally {
            this.weight = null;
            this.inputs = null;
        }
    }

    private int wholeTasks() {
        return wholeBlocks * Math.ceilDiv(chunk.groups, groupsATask);
    }

    /** A task: computes a group's targets' logits ahead of all others, which are to be compared with them. */
    private void findTargets(int group, int worker) {
        int first = group * chunk.tile.columns();
        for (int i = first; i < first + chunk.tokensIn(group); i++) {
            float logit = logit(inputs, chunk.tokens[i], chunk.targets[i], softcap, chunk.scale(i));
            chunk.targetLogits.set(FLOAT, (long) i * Float.BYTES, logit);
        }
    }

    /** One (capped and scaled) logit, by the operations that the tiles take for it. */
    static float logit(HeadInputs inputs, int token, int row, float softcap, float scale) {
        ReadableMatrix hidden = inputs.hidden();
        float logit = 0;
        for (int from = 0; from < hidden.columns(); from += Chunk.WIDTH_BLOCK) {
            float sum = 0;
            for (int k = from; k < Math.min(from + Chunk.WIDTH_BLOCK, hidden.columns()); k++) {
                sum = Math.fma(inputs.weight().get(row, k), hidden.get(token, k), sum);
            }
            logit += sum;
        }
        if (inputs.bias() != null) {
            logit += inputs.bias().get(0, row);
        }
        return (softcap > 0 ? SoftmaxKernels.softcap(logit, softcap) : logit) * scale;
    }

    @Override
    public void run(int task, int worker) {
        int piece = task - wholeTasks();
        if (piece < 0) {
            run(firstBlock + task % wholeBlocks, task / wholeBlocks * groupsATask, groupsATask, worker);
        } else {
            int cut = blocks - wholeBlocks;
            run(firstBlock + wholeBlocks + piece % cut, piece / cut * groupsAPiece, groupsAPiece, worker);
        }
    }

    private void run(int blockIndex, int from, int groups, int worker) {
        int to = Math.min(from + groups, chunk.groups);
        int count = chunk.tile.broadcastPanels(chunk.rows(blockIndex));
        MatrixKernels kernels = chunk.kernels.matrix();
        long rowBytes = (long) chunk.tile.columns() * Float.BYTES;
        for (int k = 0; k < chunk.width; k += Chunk.WIDTH_BLOCK) {
            int kc = Math.min(Chunk.WIDTH_BLOCK, chunk.width - k);
            Panels panels = weight.rows(blockIndex, k / Chunk.WIDTH_BLOCK, worker);
            int first = weight.firstRow(blockIndex, k / Chunk.WIDTH_BLOCK);
            for (int group = from; group < to; group++) {
                MemorySegment logits = chunk.logits[worker].get(group - from);
                kernels.multiply(
                        panels,
                        first,
                        count,
                        kc,
                        chunk.hiddenPanels.get(chunk.hiddenPanel(group, k / Chunk.WIDTH_BLOCK)),
                        logits,
                        0,
                        rowBytes,
                        k > 0,
                        chunk.spares[worker]);
                if (k + kc == chunk.width) {
                    finish(blockIndex, group, worker, logits);
                }
            }
        }
    }

    private void finish(int block, int group, int worker, MemorySegment logits) {
        SoftmaxKernels kernels = chunk.kernels.softmax();
        int row = chunk.row(block);
        int rows = chunk.rows(block);
        if (inputs.bias() != null) {
            kernels.addBias(rows, logits, inputs.bias().segment(), inputs.bias().offset(0, row));
        }
        if (softcap > 0) {
            kernels.softcap(rows, logits, softcap);
        }
        if (chunk.scaled) {
            kernels.scale(rows, logits, chunk.scales, chunk.tokens(group));
        }
        if (mode == Mode.COUNT) {
            notFinite[worker] += countNonFinite(group, row, rows, logits);
            if (soft != null) {
                soft.takeOut(block, group, logits, null, worker);
                notFinite[worker] += soft.countLost(block, group, smoothing);
            }
            return;
        }
        long at = chunk.statistics(block, group);
        if (mode == Mode.FORWARD && observations != null && observations.wantsWeighted) {
            kernels.weightedSums(
                    rows, logits, smoothing.weights(), row * (long) Float.BYTES, observations.weighted, at);
        }
        if (soft != null) {
            boolean noted = mode == Mode.FORWARD && observations != null && observations.wantsTop;
            soft.takeOut(block, group, logits, noted ? observations.top : null, worker);
        }
        takeTargets(group, row, rows, logits);
        boolean keepsLogits = scratch != null && keeping != null;
        if (keepsLogits) {
            MemorySegment kept = scratch.exponentials(group, block);
            MemorySegment.copy(logits, 0, kept, 0, kept.byteSize());
        }
        if (mode == Mode.AGAIN && keepsLogits) {
            return;
        }
        MemorySegment exponentials = logits;
        if (scratch != null && !keepsLogits) {
            exponentials = scratch.exponentials(group, block);
        } else if (observations != null) {
            exponentials = observations.exponentials.get(worker);
        }
        if (mode == Mode.AGAIN) {
            kernels.exponentials(rows, logits, exponentials, maxima[worker], sums[worker], 0);
            return;
        }
        kernels.exponentials(rows, logits, exponentials, chunk.maxima, chunk.sums, at);
        if (observations != null) {
            observe(row, rows, logits, exponentials, group, worker, at);
        }
    }

    private int countNonFinite(int group, int row, int rows, MemorySegment logits) {
        int columns = chunk.tile.columns();
        int count = 0;
        for (int lane = 0; lane < chunk.tokensIn(group); lane++) {
            int token = group * columns + lane;
            int target = chunk.targets[token] - row;
            for (int i = 0; i < rows; i++) {
                float logit = logits.get(FLOAT, ((long) i * columns + lane) * Float.BYTES);
                boolean counts = i == target || smoothing != null && smoothing.counts(token, row + i);
                boolean lost = counts && logit == Float.NEGATIVE_INFINITY;
                count += lost || !(logit < Float.POSITIVE_INFINITY) ? 1 : 0;
            }
        }
        return count;
    }

    /** Takes the targets' logits out of a tile. */
    private void takeTargets(int group, int row, int rows, MemorySegment logits) {
        int first = group * chunk.tile.columns();
        int count = chunk.tokensIn(group);
        boolean known = observations != null && observations.wantsCounts;
        for (int lane = 0; lane < count; lane++) {
            int target = chunk.targets[first + lane] - row;
            if (target >= 0 && target < rows) {
                long cell = ((long) target * chunk.tile.columns() + lane) * Float.BYTES;
                if (!known) {
                    chunk.targetLogits.set(FLOAT, (first + lane) * (long) Float.BYTES, logits.get(FLOAT, cell));
                }
                logits.set(FLOAT, cell, Float.NEGATIVE_INFINITY);
            }
        }
    }

    private void observe(
            int row, int rows, MemorySegment logits, MemorySegment exponentials, int group, int worker, long at) {
        SoftmaxKernels kernels = chunk.kernels.softmax();
        if (observations.wantsEnergies) {
            kernels.energies(rows, logits, exponentials, chunk.maxima, observations.energies, at);
        }
        if (observations.wantsIndices) {
            kernels.argmax(rows, logits, chunk.maxima, observations.indices, at);
        }
        if (observations.wantsTop) {
            observations.top.take(row, rows, logits, group, worker);
        }
        if (observations.wantsCounts) {
            kernels.countAbove(rows, logits, chunk.targetLogits, chunk.tokens(group), observations.counts, at);
        }
    }
}
