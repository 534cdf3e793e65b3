package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.kernel.Kernels;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.Targets;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Linear layer and softmax cross-entropy in one: the loss of a language model's head, and its exact gradients.
 *
 * <p>For T tokens with hidden states x_t (rows of X, T x d), weight W (V x d), bias b and targets a_t:
 *
 * <pre>
 *   z_t = W x_t + b                     l_t = -log softmax(z_t)[a_t]         loss = sum or mean of l_t
 *   g_t = dL/dl_t (softmax(z_t) - onehot(a_t))
 *   dL/dX = rows g_t W                  dL/dW = sum of g_t x_t^T              dL/db = sum of g_t
 * </pre>
 *
 * <p>The T x V logits never exist as a whole: tokens are worked off in chunks that fit the options' byte bound, ignored ones
 * left out before any arithmetic. A target's loss and gradient are computed from the sum over the other entries, so that
 * confident tokens keep their relative accuracy; losses are added up in double.
 *
 * <p>The results are a function of inputs and options alone: the same bits for any number of workers, any vector width, with or
 * without vectors, and whatever the byte bound; and a token's loss and dL/dx_t do not depend on the other tokens of the call
 * (but for the mean's division by their number).
 *
 * <p>Sums of up to 192 products of W's elements with numbers of up to 1 are held in float32: where |W|
 * goes beyond 1e36, they may overflow though the result would not.
 *
 * <p>One call at a time. After the first calls nothing is allocated on the heap. The memory belongs to the caller's arena; if
 * it is closed during a call, the call ends with an exception.
 */
public final class LinearCrossEntropy {

    /** The logits' scratch is about this large if it may: it stays in the last level cache. */
    private static final long CACHED_BYTES = 4L << 20;

    /** Fewer tokens than this make packing W for each chunk felt. */
    private static final int WORTHWHILE_TOKENS = 512;

    private final Arena arena;
    private final Workers workers;
    private final int maxTokens;
    private final int vocabulary;
    private final int width;
    private final HeadOptions options;
    private final Chunk chunk;
    private final LogitsPass logits;
    private final SoftmaxPass softmax;
    private final HiddenGradientPass hiddenGradient;
    private final WeightGradientPass weightGradient;
    private final WeightPanels weightPanels;
    private final Workers.Task packing;
    private final HeadResult result = new HeadResult();
    private GradientScratch scratch;

    /**
     * Plans a head; its scratch memory comes from the arena, part of it when the first gradients are asked for.
     *
     * @param arena shared, if there are more workers than one
     * @param maxTokens the most tokens T a call may have
     * @param vocabulary V, at least 1
     * @param width d, at least 1
     * @throws IllegalArgumentException if a dimension is out of range, or the scratch of the smallest chunk (256 tokens, or
     *     {@code maxTokens} if fewer) is more than the options allow
     */
    public LinearCrossEntropy(
            Arena arena, Workers workers, int maxTokens, int vocabulary, int width, HeadOptions options) {
        if (maxTokens < 0 || vocabulary < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "a head needs at least 0 tokens, 1 vocabulary entry and 1 hidden dimension," + " but got "
                            + maxTokens + ", " + vocabulary + " and " + width);
        }
        this.arena = Objects.requireNonNull(arena, "arena");
        this.workers = Objects.requireNonNull(workers, "workers");
        this.maxTokens = maxTokens;
        this.vocabulary = vocabulary;
        this.width = width;
        this.options = Objects.requireNonNull(options, "options");
        boolean wholeWeight = packsWholeWeight();
        chunk = new Chunk(arena, workers, capacity(wholeWeight), vocabulary, width);
        weightPanels = new WeightPanels(arena, chunk, wholeWeight);
        logits = new LogitsPass(chunk);
        softmax = new SoftmaxPass(chunk);
        hiddenGradient = new HiddenGradientPass(chunk);
        weightGradient = new WeightGradientPass(chunk);
        packing = chunk::packHidden;
    }

    /** Whether W is packed once a call: where it is small, packing it for each chunk would be felt. */
    private boolean packsWholeWeight() {
        int smallest = smallestChunk();
        long needed = scratchBytes(smallest, false);
        if (needed > options.scratchBytes()) {
            throw new IllegalArgumentException(
                    "scratchBytes is " + options.scratchBytes() + ", but a chunk of " + smallest
                            + " tokens for a vocabulary of " + vocabulary + " and width " + width + " takes " + needed);
        }
        return WeightPanels.bytes(vocabulary, width, true) <= WeightPanels.MOST_BYTES
                && scratchBytes(smallest, true) <= options.scratchBytes();
    }

    /** A whole reduction block of tokens, or all tokens if they are fewer. */
    private int smallestChunk() {
        int lanes = Kernels.current().matrix().tile().columns();
        return Math.max(1, Math.ceilDiv(Math.min(maxTokens, Chunk.TOKEN_BLOCK), lanes)) * lanes;
    }

    /** The chunk's size in tokens: whole reduction blocks, or all tokens if they are fewer than one. */
    private int capacity(boolean wholeWeight) {
        long limit = Math.max(wholeWeight ? 0 : WORTHWHILE_TOKENS, CACHED_BYTES / Float.BYTES / vocabulary);
        int capacity = smallestChunk();
        while (capacity < maxTokens
                && capacity + Chunk.TOKEN_BLOCK <= limit
                && scratchBytes(capacity + Chunk.TOKEN_BLOCK, wholeWeight) <= options.scratchBytes()) {
            capacity += Chunk.TOKEN_BLOCK;
        }
        return capacity;
    }

    private long scratchBytes(int capacity, boolean wholeWeight) {
        return Chunk.bytes(workers.size(), capacity, vocabulary, width)
                + GradientScratch.bytes(workers.size(), capacity, vocabulary, width)
                + WeightPanels.bytes(vocabulary, width, wholeWeight);
    }

    /**
     * Computes the loss and whatever the outputs ask for.
     *
     * <p>A rejected call has written nothing. A {@link NonFiniteLogitException}, an interruption or a closed arena ends a call
     * that is under way, and leaves the outputs with the gradients of some of the tokens.
     *
     * @return the loss, overwritten by the next call
     * @throws IllegalArgumentException if a shape does not fit, an output is read-only or shares memory with an input or another
     *     output, a target's bias is -infinity, all targets are ignored and the options forbid it, an upstream gradient is missing, out
     *     of place or not finite, or a matrix is of a confined arena and there are more workers than one
     * @throws IndexOutOfBoundsException if a target is neither a vocabulary row nor the ignore index
     * @throws IllegalStateException if the arena of an input or output is closed
     * @throws NonFiniteLogitException if a logit is NaN or +infinity, or a target's is -infinity
     */
    public HeadResult run(HeadInputs inputs, HeadOutputs outputs) {
        HeadChecks.check(workers, maxTokens, vocabulary, width, options, inputs, outputs);
        int kept = HeadChecks.countTargets(inputs, vocabulary, options.ignoreIndex());
        int tokens = inputs.targets().size();
        if (kept == 0 && tokens > 0 && options.failWhenAllIgnored()) {
            throw new IllegalArgumentException(
                    "all " + tokens + " targets are the ignore index " + options.ignoreIndex() + ": there is no loss");
        }
        boolean gradients = outputs.wantsGradients();
        if (gradients && scratch == null) {
            scratch = new GradientScratch(arena, chunk);
        }
        if (outputs.hidden() != null) {
            weightPanels.reserveColumns(arena);
        }
        clearIgnored(inputs.targets(), outputs, kept);
        double loss = kept == 0 ? 0 : runChunks(inputs, outputs, gradients ? scratch : null, kept);
        if (options.reduction() == Reduction.MEAN && kept > 0) {
            loss /= kept;
        }
        result.set(loss, kept, tokens - kept);
        return result;
    }

    private double runChunks(HeadInputs inputs, HeadOutputs outputs, GradientScratch gradients, int kept) {
        double loss = 0;
        int token = 0;
        try {
            weightPanels.begin(inputs.weight());
            for (int done = 0; done < kept; done += chunk.count) {
                token = collect(inputs, token, kept);
                loss = runChunk(inputs, outputs, gradients, done == 0, loss);
            }
        } finally {
            weightPanels.end();
        }
        return loss;
    }

    /** Collects the chunk's tokens from {@code token} on, and returns where the next chunk's begin. */
    private int collect(HeadInputs inputs, int token, int kept) {
        Targets targets = inputs.targets();
        double share = options.reduction() == Reduction.MEAN ? 1.0 / kept : 1;
        int next = token;
        chunk.count = 0;
        for (; next < targets.size() && chunk.count < chunk.capacity; next++) {
            int target = targets.get(next);
            if (target != options.ignoreIndex()) {
                chunk.tokens[chunk.count] = next;
                chunk.targets[chunk.count] = target;
                chunk.upstream[chunk.count] =
                        inputs.upstream() == null ? share : inputs.upstream().get(0, next);
                chunk.count++;
            }
        }
        chunk.begin(inputs.hidden());
        return next;
    }

    /** Works a chunk off, and returns the sum of the losses so far: token by token, so that no chunk shows in it. */
    private double runChunk(
            HeadInputs inputs, HeadOutputs outputs, GradientScratch gradients, boolean first, double before) {
        workers.run(chunk.groups, packing);
        logits.run(weightPanels, inputs.bias(), gradients);
        softmax.run(gradients != null);
        double loss = before;
        for (int i = 0; i < chunk.count; i++) {
            double l = chunk.losses[i];
            if (!(l < Double.POSITIVE_INFINITY)) {
                throw NonFiniteLogitException.find(inputs, chunk.tokens[i], chunk.targets[i]);
            }
            loss += l;
            if (outputs.losses() != null) {
                outputs.losses().set(0, chunk.tokens[i], (float) l);
            }
        }
        if (outputs.hidden() != null) {
            hiddenGradient.run(weightPanels, gradients, outputs.hidden());
        }
        if (outputs.weight() != null || outputs.bias() != null) {
            weightGradient.run(gradients, outputs.weight(), outputs.bias(), first);
        }
        return loss;
    }

    /** Writes the zeros of what has no gradient. */
    private void clearIgnored(Targets targets, HeadOutputs outputs, int kept) {
        for (int t = 0; kept < targets.size() && t < targets.size(); t++) {
            if (targets.get(t) == options.ignoreIndex()) {
                if (outputs.losses() != null) {
                    outputs.losses().set(0, t, 0);
                }
                clear(outputs.hidden(), t);
            }
        }
        if (kept == 0) {
            for (int v = 0; v < vocabulary; v++) {
                clear(outputs.weight(), v);
            }
            clear(outputs.bias(), 0);
        }
    }

    private static void clear(Gradient gradient, int row) {
        if (gradient != null && !gradient.accumulate()) {
            Matrix into = gradient.into();
            MemorySegment segment = into.segment();
            segment.asSlice(into.offset(row, 0), (long) into.columns() * Float.BYTES)
                    .fill((byte) 0);
        }
    }
}
