package dev.panhead.head;

import dev.panhead.blas.Gemm;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.SoftmaxKernels;
import dev.panhead.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Forward: logits block by block, each turned into exponentials and statistics while it is in cache.
 *
 * <p>A task is a vocabulary block times some groups of tokens. The target's logit is taken out first (-infinity stands in its
 * place), so that the sums are over the others and nothing has to be subtracted from them later.
 */
final class LogitsPass implements Workers.Task {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Chunk chunk;
    private WeightPanels weight;
    private Matrix bias;
    private GradientScratch scratch;
    private int groupsATask;

    LogitsPass(Chunk chunk) {
        this.chunk = chunk;
    }

    /**
     * Computes the chunk's exponentials and statistics.
     *
     * @param bias 1 x V or null
     * @param scratch keeps the exponentials, or null if they are not wanted
     */
    void run(WeightPanels weight, Matrix bias, GradientScratch scratch) {
        this.weight = weight;
        this.bias = bias;
        this.scratch = scratch;
        int blocks = chunk.vocabularyBlocks();
        int splits = Math.max(chunk.splits(blocks, chunk.groups), Math.ceilDiv(chunk.groups, chunk.logitGroups()));
        groupsATask = Math.ceilDiv(chunk.groups, splits);
        splits = Math.ceilDiv(chunk.groups, groupsATask);
        chunk.workers.run(blocks * splits, this);
        this.weight = null;
        this.bias = null;
    }

    @Override
    public void run(int task, int worker) {
        int blocks = chunk.vocabularyBlocks();
        int blockIndex = task % blocks;
        int from = task / blocks * groupsATask;
        int to = Math.min(from + groupsATask, chunk.groups);
        int row = chunk.row(blockIndex);
        int rows = chunk.rows(blockIndex);
        MatrixKernels kernels = chunk.kernels.matrix();
        long rowBytes = (long) chunk.tile.columns() * Float.BYTES;
        for (int k = 0; k < chunk.width; k += Gemm.BLOCK) {
            int kc = Math.min(Gemm.BLOCK, chunk.width - k);
            Panels panels = weight.rows(blockIndex, k / Gemm.BLOCK, worker);
            int first = weight.firstRow(blockIndex, k / Gemm.BLOCK);
            for (int group = from; group < to; group++) {
                MemorySegment logits = chunk.logits[worker].get(group - from);
                kernels.multiply(
                        panels,
                        first,
                        chunk.tile.broadcastPanels(rows),
                        kc,
                        chunk.hiddenPanels.get(chunk.hiddenPanel(group, k / Gemm.BLOCK)),
                        logits,
                        0,
                        rowBytes,
                        k > 0,
                        chunk.spares[worker]);
                if (k + kc == chunk.width) {
                    finish(blockIndex, group, row, rows, logits);
                }
            }
        }
    }

    private void finish(int block, int group, int row, int rows, MemorySegment logits) {
        int first = group * chunk.tile.columns();
        int count = chunk.tokensIn(group);
        for (int lane = 0; lane < count; lane++) {
            int target = chunk.targets[first + lane] - row;
            if (target >= 0 && target < rows) {
                long cell = ((long) target * chunk.tile.columns() + lane) * Float.BYTES;
                float logit = logits.get(FLOAT, cell);
                chunk.targetLogits[first + lane] = bias == null ? logit : logit + bias.get(0, row + target);
                logits.set(FLOAT, cell, Float.NEGATIVE_INFINITY);
            }
        }
        SoftmaxKernels kernels = chunk.kernels.softmax();
        MemorySegment biases = bias == null ? null : bias.segment();
        long biasAt = bias == null ? 0 : bias.offset(0, row);
        kernels.exponentials(
                rows,
                logits,
                scratch == null ? logits : scratch.exponentials(group, block),
                biases,
                biasAt,
                chunk.maxima,
                chunk.sums,
                chunk.statistics(block, group));
    }
}
