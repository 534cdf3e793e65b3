package dev.panhead.head;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.head.HeadOutputs.Gradient;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CancellationException;

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
 * <p>What else can be asked for, with its formula, stands in {@link HeadOptions}, {@link HeadInputs} and {@link HeadOutputs}.
 *
 * <p>The T x V logits never exist as a whole: tokens are worked off in chunks that fit the options' byte bound, ignored ones
 * left out before any arithmetic. A target's loss and gradient are computed from the sum over the other entries, so that
 * confident tokens keep their relative accuracy; losses are added up in double.
 *
 * <p>The results are a function of inputs and options alone: the same bits for any number of workers, any vector width, with or
 * without vectors, and whatever the byte bound; and a token's loss and dL/dx_t do not depend on the other tokens of the call
 * (but for the mean's division by their number, and in {@link GradientMode}s other than the exact one for where those choose dense products).
 * Micro-batches that add up their gradients ({@link HeadOutputs.Gradient#add}) give the bits of the batch where each begins at a multiple of 256 of the tokens
 * that count; dX's they always do. Their losses, added up by the caller, do not.
 *
 * <p>Sums of up to 192 products of W's elements with numbers of up to 1 are held in float32: where |W| goes beyond 1e36, they may
 * overflow though the result would not. With a soft cap or an entropy's upstream gradient, the numbers are the logits' gradients.
 *
 * <p>One call at a time; after one that failed, its {@link HeadResult} says nothing. After the first calls nothing is allocated on
 * the heap. The memory belongs to the caller's arena, and is free when that is closed; during a call, the call then ends with an exception (and may leave the thread's interrupt flag set, as HotSpot does there). Heads of several threads may
 * share {@link Workers}, and then wait for each other's passes, or have their own: for many small calls at a time, {@code new Workers(1)} for each thread.
 *
 * <p>A process's first large call (of 10^8 multiply-adds), and its first such one with gradients, makes small steps of its own for up to a second
 * before, on the calling thread and in less than 1 MB: until they are compiled, vector operations are a thousand times slower, in small calls as in large ones, and a large call gets
 * there later than small ones do. {@link #warmUp} does so when you like, and to the end.
 */
public final class LinearCrossEntropy {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final Arena arena;
    private final Workers workers;
    private final int vocabulary;
    private final int width;
    private final HeadOptions options;
    private final HeadPlan plan;
    private final Chunk chunk;
    private final LogitsPass logits;
    private final SoftmaxPass softmax;
    private final HiddenGradientPass hiddenGradient;
    private final WeightGradientPass weightGradient;
    private final WeightPanels weightPanels;
    private final HeadChecks checks;
    private final Smoothing smoothing;
    private final SoftEntries soft;
    private final Workers.Task summingSoft;
    private final GradientEntries entries; // with what selects and multiplies them; null if the gradient is exact
    private final SelectionPass selection;
    private final SparseHiddenPass sparseHidden;
    private final Workers.Task packing;
    private final HeadResult result = new HeadResult();
    private final OneCall call = new OneCall("this head");
    private GradientScratch scratch;
    private Observations observations;
    private LogitGradientPass elementwise;

    /** Whether the call has written its first share of dW and db. */
    private boolean begun;

    /**
     * Plans a head; its scratch memory comes from the arena, part of it when the first gradients are asked for.
     *
     * @param arena shared, if there are more workers than one
     * @param maxTokens the most tokens T a call may have
     * @param vocabulary V, at least 1
     * @param width d, at least 1
     * @throws IllegalArgumentException if a dimension is out of range, or the scratch of the smallest chunk (256 tokens, or
     *     {@code maxTokens} if fewer) is more than the options allow, or the arena is confined and there are more workers than one
     * @throws IllegalStateException if the arena is closed
     */
    public LinearCrossEntropy(
            Arena arena, Workers workers, int maxTokens, int vocabulary, int width, HeadOptions options) {
        if (maxTokens < 0 || vocabulary < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "a head needs at least 0 tokens, 1 vocabulary entry and 1 hidden dimension," + " but got "
                            + maxTokens + ", " + vocabulary + " and " + width);
        }
        this.options = Objects.requireNonNull(options, "options");
        if (options.topK() > vocabulary) {
            throw new IllegalArgumentException(
                    "topK is " + options.topK() + ", but the vocabulary has " + vocabulary + " entries");
        }
        this.arena = Objects.requireNonNull(arena, "arena");
        this.workers = Objects.requireNonNull(workers, "workers");
        this.vocabulary = vocabulary;
        this.width = width;
        plan = new HeadPlan(workers.size(), maxTokens, vocabulary, width, options);
        chunk = new Chunk(arena, workers, plan.capacity, vocabulary, width, options.topK());
        weightPanels = new WeightPanels(arena, chunk, plan.wholeWeight);
        soft = options.softTargets() == null ? null : new SoftEntries(arena, chunk, options.softTargets());
        smoothing = options.spreads() ? new Smoothing(arena, chunk, options, soft) : null;
        summingSoft = soft == null ? null : soft::sumHidden;
        logits = new LogitsPass(arena, chunk, options, soft, smoothing);
        softmax = new SoftmaxPass(chunk, options, soft);
        entries = options.selects() ? new GradientEntries(chunk, maxTokens, options, soft) : null;
        selection = entries == null ? null : new SelectionPass(arena, chunk, options, entries);
        sparseHidden = entries == null ? null : new SparseHiddenPass(arena, chunk, entries);
        hiddenGradient = new HiddenGradientPass(chunk, weightPanels, soft, entries);
        weightGradient = new WeightGradientPass(chunk, soft, entries);
        packing = chunk::packHidden;
        checks = new HeadChecks(workers, maxTokens, vocabulary, width, options);
    }

    /**
     * Makes small steps of its own until the JVM has compiled what losses and gradients take: for a service that is to be fast from its first request on, whose first
     * call then takes some 20 to 100 ms instead of 1.5 s. It takes two or three seconds, on the calling thread, and less than 1 MB; without vectors, no time. Options other than the default ones compile a little more when they
     * are met.
     *
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted
     */
    public static void warmUp() {
        WarmUp.now();
    }

    /**
     * Computes the loss and whatever the outputs ask for.
     *
     * <p>A rejected call has written nothing. A {@link NonFiniteLogitException} or other ArithmeticException, an interruption, a closed arena or closed workers end a call
     * that is under way, and leave the outputs with the gradients of some of the tokens. A fused update of the weight begins when
     * all losses are known to be finite; if it is interrupted, some rows have been updated and some have not, and the weight is lost. As long as {@link
     * dev.panhead.optim.SliceUpdate#requirePrepared} still passes, it has not begun.
     *
     * @return the loss, overwritten by the next call
     * @throws IllegalArgumentException if a shape does not fit, an output is read-only or shares memory with an input or another
     *     output, a target's bias is -infinity, all tokens are ignored or weigh nothing and the options forbid it, an upstream gradient is missing, out
     *     of place or not finite, a matrix is of a confined arena and there are more workers than one, or gradients are asked for
     *     that are {@linkplain GradientMode.Unbiased rounded at random}, which want the number of the step
     * @throws IndexOutOfBoundsException if a target is neither a vocabulary row nor the ignore index
     * @throws IllegalStateException if the arena of an input or output or of this head is closed, the workers are, another call is under way, or a
     *     task of the workers calls
     * @throws NonFiniteLogitException if a logit is NaN or +infinity, or a target's is -infinity, or makes the loss infinite by a share that label smoothing or a
     *     spread remainder gives it (without a soft cap their share is taken of the sum of W's rows, in double, which may be finite where one logit
     *     overflows). Other logits of -infinity count as probabilities of 0; if an infinite weight made them, the gradients that it
     *     is in are NaN
     * @throws ArithmeticException if a token's loss is not finite, though its logits are: its weights are too large
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted; an IllegalStateException, too, so that it must be caught first
     */
    public HeadResult run(HeadInputs inputs, HeadOutputs outputs) {
        Objects.requireNonNull(outputs, "outputs");
        if (options.gradientMode() instanceof GradientMode.Unbiased && outputs.wantsGradients()) {
            throw new IllegalArgumentException(
                    "gradients that are rounded at random need the number of the step, so that no two steps are rounded alike");
        }
        return run(inputs, outputs, 0);
    }

    /**
     * The same, with the number of the call, in which {@link GradientMode.Unbiased} wants calls to differ, micro-batches of one step as well; nothing
     * else depends on it.
     */
    public HeadResult run(HeadInputs inputs, HeadOutputs outputs, long step) {
        call.begin();
        try {
            runAlone(inputs, outputs, step);
        } finally {
            call.end();
        }
        return result;
    }

    private void runAlone(HeadInputs inputs, HeadOutputs outputs, long step) {
        Objects.requireNonNull(inputs, "inputs");
        Objects.requireNonNull(outputs, "outputs");
        int kept = checks.check(inputs, outputs);
        workers.requireReady();
        workers.requireReadable("the head's scratch memory", chunk.hiddenPanels.memory());
        int tokens = inputs.targets().size();
        double divisor = divisor(inputs);
        if ((kept == 0 || divisor == 0) && tokens > 0 && options.failWhenAllIgnored()) {
            throw new IllegalArgumentException(
                    kept > 0
                            ? "all tokens that are not ignored weigh 0: there is no loss"
                            : "all " + tokens + " targets are the ignore index " + options.ignoreIndex()
                                    + (inputs.mask() == null ? "" : " or left out by the mask")
                                    + ": there is no loss");
        }
        boolean gradients = outputs.wantsGradients();
        WarmUp.before(kept, width, vocabulary, gradients);
        if (gradients && scratch == null) {
            scratch = new GradientScratch(arena, chunk, plan.window, options.fusedUpdate());
        }
        if (outputs.hidden() != null) {
            weightPanels.reserveColumns(arena);
        }
        boolean bends = gradients && LogitGradientPass.wanted(options, inputs);
        if (bends && elementwise == null) {
            elementwise = new LogitGradientPass(arena, chunk, options);
        }
        boolean observes = Observations.wanted(options, inputs, outputs);
        if (observes && observations == null) {
            observations = new Observations(arena, chunk, options.topK());
        }
        if (observes) {
            observations.begin(options, inputs, outputs);
        }
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted before the call has written anything");
        }
        clearIgnored(inputs, outputs, kept);
        if (outputs.weightUpdate() != null && kept == 0) {
            outputs.weightUpdate().taken();
            weightGradient.updateByZero(scratch, outputs.weightUpdate());
        }
        result.begin(kept, tokens - kept);
        if (kept > 0) {
            runChunks(
                    inputs,
                    outputs,
                    gradients ? scratch : null,
                    bends ? elementwise : null,
                    observes ? observations : null,
                    kept,
                    divisor,
                    step);
        }
    }

    /** What losses are divided by: 1, but for a mean. */
    private double divisor(HeadInputs inputs) {
        if (options.reduction() != Reduction.MEAN) {
            return 1;
        }
        if (inputs.divisor() > 0) {
            return inputs.divisor();
        }
        double sum = 0;
        for (int t = 0; t < inputs.targets().size(); t++) {
            if (inputs.counts(t, options.ignoreIndex())) {
                sum += inputs.tokenWeight(t)
                        * inputs.classWeight(inputs.targets().get(t));
            }
        }
        return sum;
    }

    private void runChunks(
            HeadInputs inputs,
            HeadOutputs outputs,
            GradientScratch gradients,
            LogitGradientPass bent,
            Observations observed,
            int kept,
            double divisor,
            long step) {
        int token = 0;
        try {
            weightPanels.begin(inputs.weight());
            if (smoothing != null) {
                smoothing.begin(inputs);
            }
            if (soft != null) {
                soft.begin(inputs.weight());
            }
            begun = false;
            for (int done = 0; done < kept; done += chunk.count) {
                token = collect(inputs, token, divisor);
                runChunk(inputs, outputs, gradients, bent, observed, token, step);
            }
            multiplyWaiting(inputs, outputs);
        } finally {
            chunk.end();
            weightPanels.end();
            if (smoothing != null) {
                smoothing.end();
            }
            if (soft != null) {
                soft.end();
            }
            if (entries != null) {
                entries.clear();
            }
        }
        result.divide(divisor);
    }

    /** Collects the chunk's tokens from {@code token} on, and returns where the next chunk's begin. */
    private int collect(HeadInputs inputs, int token, double divisor) {
        int next = token;
        chunk.count = 0;
        chunk.scaled = options.logitScale() != 1 || inputs.logitScales() != null;
        for (; next < inputs.targets().size() && chunk.count < chunk.capacity; next++) {
            if (inputs.counts(next, options.ignoreIndex())) {
                take(inputs, next, chunk.count++, divisor);
            }
        }
        if (soft != null) {
            soft.sort();
        }
        if (chunk.count > 0) {
            chunk.begin(inputs.hidden());
        }
        return next;
    }

    /** Takes a token as the chunk's i-th. A method of its own, called so often that C2 compiles it with the first calls of the head. */
    private void take(HeadInputs inputs, int token, int i, double divisor) {
        boolean apart = options.reduction() == Reduction.NONE;
        int target = inputs.targets().get(token);
        double weight = inputs.tokenWeight(token);
        chunk.tokens[i] = token;
        chunk.targets[i] = target;
        chunk.classWeights[i] = inputs.classWeight(target);
        chunk.weights[i] = weight;
        chunk.upstream[i] = apart ? valueOrZero(inputs.upstream(), token) : divisor == 0 ? 0 : weight / divisor;
        chunk.logProbabilityUpstream[i] = valueOrZero(inputs.logProbabilityUpstream(), token);
        chunk.entropyUpstream[i] = valueOrZero(inputs.entropyUpstream(), token);
        chunk.scales.set(FLOAT, (long) i * Float.BYTES, options.logitScale() * inputs.logitScale(token));
        if (soft != null) {
            soft.take(inputs, token, i, smoothing);
        }
    }

    private static double valueOrZero(Matrix values, int token) {
        return values == null ? 0 : values.get(0, token);
    }

    /**
     * Works a chunk off, and adds its tokens to the result: token by token, so that no chunk shows in it.
     *
     * @param gradients where the logits' gradient is kept, or null if none is wanted
     * @param bent the pass that it takes, or null if factors do
     * @param observed where what else is wanted is kept, or null for nothing
     * @param next the token after the chunk's
     */
    private void runChunk(
            HeadInputs inputs,
            HeadOutputs outputs,
            GradientScratch gradients,
            LogitGradientPass bent,
            Observations observed,
            int next,
            long step) {
        workers.run(chunk.groups, packing);
        boolean keeps = gradients != null && gradients.isWhole();
        if (keeps) {
            gradients.moveTo(0);
        }
        logits.run(weightPanels, inputs, keeps ? gradients : null, bent, observed);
        softmax.run(gradients != null, smoothing, bent, observed);
        for (int i = 0; i < chunk.count; i++) {
            if (!Double.isFinite(chunk.results.negativeLogLikelihoods[i])
                    || !Double.isFinite(chunk.results.losses[i])) {
                throw nonFinite(inputs, i, next);
            }
            result.add(chunk.weights[i], chunk.results, i);
            chunk.results.write(i, chunk.tokens[i], outputs);
        }
        if (gradients != null && (selection == null || !select(inputs, outputs, gradients, bent, step))) {
            differentiate(inputs, outputs, gradients, bent);
        }
    }

    /**
     * Selects the entries of the logits' gradient that are kept, and makes the rows of dX of them.
     *
     * @return whether that is left for later, and all other products with it
     */
    private boolean select(
            HeadInputs inputs, HeadOutputs outputs, GradientScratch gradients, LogitGradientPass bent, long step) {
        if (!entries.canWait()) {
            multiplyWaiting(inputs, outputs);
        }
        selection.begin(step);
        for (int block = 0; block < chunk.vocabularyBlocks(); block = gradients.endBlock()) {
            prepareWindow(inputs, gradients, bent, block);
            selection.run(gradients);
        }
        selection.end();
        tellGradient(outputs);
        boolean plain =
                inputs.hidden() instanceof Matrix && linearSmoothing() == null && outputs.weightUpdate() == null;
        if (plain && !entries.hasDense() && entries.canWait()) {
            entries.await();
            return true;
        }
        multiplyWaiting(inputs, outputs);
        entries.sortChunk();
        if (outputs.hidden() != null) {
            sparseHidden.run(weightPanels.matrix(), linearSmoothing(), outputs.hidden());
        }
        return false;
    }

    /** Makes the products of the tokens whose entries wait for it. */
    private void multiplyWaiting(HeadInputs inputs, HeadOutputs outputs) {
        if (entries == null || entries.waiting() == 0) {
            return;
        }
        entries.sortWaiting((Matrix) inputs.hidden());
        if (outputs.hidden() != null) {
            sparseHidden.run(weightPanels.matrix(), null, outputs.hidden());
        }
        if (outputs.wantsMore()) {
            weightGradient.runWaiting(outputs, !begun);
            begun = true;
        }
        entries.release();
    }

    /** Tells what was kept of the chunk's tokens' gradients. */
    private void tellGradient(HeadOutputs outputs) {
        for (int i = 0; i < chunk.count; i++) {
            result.addGradient(chunk.results, i);
            chunk.results.writeTail(i, chunk.tokens[i], outputs);
        }
    }

    /** The gradients' products, window by window. */
    private void differentiate(
            HeadInputs inputs, HeadOutputs outputs, GradientScratch gradients, LogitGradientPass bent) {
        boolean dense = entries == null || entries.hasDense();
        if (dense && soft != null && outputs.hidden() != null) {
            workers.run(chunk.groups, summingSoft);
        }
        boolean outlives = outputs.weightUpdate() != null && outputs.hidden() != null && !gradients.isWhole();
        if (dense && outlives) {
            keepTargetRows(gradients.targetRows, inputs.weight());
        }
        if (entries == null) {
            Arrays.fill(chunk.results.entries, 0, chunk.count, vocabulary);
            tellGradient(outputs);
        }
        for (int block = 0; block < chunk.vocabularyBlocks(); block = gradients.endBlock()) {
            if (entries == null || dense && !gradients.isWhole()) {
                prepareWindow(inputs, gradients, bent, block);
            } else {
                gradients.moveTo(block);
            }
            if (dense && outputs.hidden() != null) {
                hiddenGradient.run(gradients, linearSmoothing(), outlives, outputs.hidden());
            }
            if (outputs.weightUpdate() != null && block == 0) {
                outputs.weightUpdate().taken(); // from here on it may be made in part
            }
            if (outputs.wantsMore()) {
                weightGradient.run(gradients, linearSmoothing(), outputs, !begun);
            }
        }
        begun = true;
    }

    /** Moves the window to where it begins with a vocabulary block, and makes what it holds as far on as passes over tiles do. */
    private void prepareWindow(HeadInputs inputs, GradientScratch gradients, LogitGradientPass bent, int block) {
        gradients.moveTo(block);
        if (!gradients.isWhole()) {
            logits.runAgain(weightPanels, inputs, gradients, bent);
        }
        if (bent != null) {
            bent.run(gradients, inputs.classWeights());
        }
    }

    private Smoothing linearSmoothing() {
        return smoothing != null && smoothing.isLinear() ? smoothing : null;
    }

    /** What is wrong with the chunk's i-th token, the first one, and how many logits of all tokens are. */
    private ArithmeticException nonFinite(HeadInputs inputs, int i, int next) {
        int token = chunk.tokens[i];
        float scale = chunk.scale(i);
        int row = NonFiniteLogitException.find(
                inputs,
                token,
                chunk.targets[i],
                options.softcap(),
                scale,
                smoothing == null ? null : v -> smoothing.counts(i, v));
        if (row < 0) {
            return new ArithmeticException("token " + token + " has finite logits, but its loss is not: weights are "
                    + "too large, or its inputs changed during the call");
        }
        float logit = LogitsPass.logit(inputs, token, row, options.softcap(), scale);
        long count = logits.countNonFinite(weightPanels, inputs);
        for (int from = collect(inputs, next, 1); chunk.count > 0; from = collect(inputs, from, 1)) {
            workers.run(chunk.groups, packing);
            count += logits.countNonFinite(weightPanels, inputs);
        }
        return new NonFiniteLogitException(token, row, logit, count);
    }

    /** Keeps the targets' rows of W, which are updated before dX wants them. */
    private void keepTargetRows(Matrix rows, ReadableMatrix weight) {
        for (int i = 0; i < chunk.count; i++) {
            MemorySegment.copy(
                    weight.segment(),
                    weight.offset(chunk.targets[i], 0),
                    rows.segment(),
                    rows.offset(i, 0),
                    (long) width * Float.BYTES);
        }
    }

    /** Writes the zeros of what has no gradient. */
    private void clearIgnored(HeadInputs inputs, HeadOutputs outputs, int kept) {
        int tokens = inputs.targets().size();
        for (int t = 0; kept < tokens && t < tokens; t++) {
            if (!inputs.counts(t, options.ignoreIndex())) {
                chunk.results.clear(t, outputs);
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
            for (int column = 0; column < gradient.into().columns(); column++) {
                gradient.into().set(row, column, 0);
            }
        }
    }
}
