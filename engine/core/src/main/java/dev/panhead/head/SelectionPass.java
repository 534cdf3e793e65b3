package dev.panhead.head;

import dev.panhead.exec.Workers;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.SparseKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Selects the entries of dL/dz that {@link GradientMode} keeps, from the tiles that the forward pass has left. A task is a group of tokens.
 */
final class SelectionPass {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    /** Rounds in which the largest threshold is searched that drops no more than it may. */
    private static final int ROUNDS = 3;

    /** Gradients of a smaller bound are beyond what float's exponents have room for; they are taken as they are. */
    private static final double LEAST_BOUND = 0x1p-64;

    /** A sum of a vocabulary block's sizes times this is no less than what rounding may have left of it: 191 additions, and each size. */
    private static final double ROUNDED = 1 + 0x1p-16;

    private final Chunk chunk;
    private final GradientMode mode;
    private final GradientEntries entries;
    private final Workers.Task sampling = this::sample;
    private final Workers.Task searching = this::search;
    private final Workers.Task collecting = this::collect;

    /** Of each token: what makes a size of its gradient, the threshold below which an entry is small, and what of it was left out. */
    private final double[] scales;

    private final double[] thresholds;
    private final double[] tails;

    /** Entries that each token keeps: those that are large, and of the others as many as are certain. */
    private final int[] expected;

    /** What small entries are rounded up to, how many large ones were found, and where the positions began. */
    private final float[] steps;

    private final int[] large;
    private final int[] beginnings;
    private final MemorySegment positions;

    /** Each worker's: what makes sizes of a tile's elements, and what was found there. */
    private final MemorySegment[] units;

    private final int[][] foundRows;
    private final int[][] found;

    /** Each worker's bounds that sizes are compared with, [bound][lane], and what is below and how many, of a tile and of all. */
    private final MemorySegment[] bounds;

    private final MemorySegment[] tileSums;
    private final MemorySegment[] tileCounts;
    private final double[][] sums;
    private final double[][] counts;

    /** What thresholds are multiplied by in each round of the search: [round][bound]. */
    private final double[][] factors = new double[ROUNDS][SparseKernels.BOUNDS];

    private GradientScratch scratch;

    SelectionPass(Arena arena, Chunk chunk, HeadOptions options, GradientEntries entries) {
        this.chunk = chunk;
        this.entries = entries;
        mode = options.gradientMode();
        scales = new double[chunk.capacity];
        thresholds = new double[chunk.capacity];
        tails = new double[chunk.capacity];
        expected = new int[chunk.capacity];
        steps = new float[chunk.capacity];
        large = new int[chunk.capacity];
        beginnings = new int[chunk.capacity];
        positions = Chunk.allocate(arena, chunk.capacity);
        positions.fill((byte) 0); // whose lanes without tokens stay so; an arena may hand out what was used
        planSearch(mode instanceof GradientMode.Drop drop ? chunk.vocabulary / drop.mass() : 1);
        int workers = chunk.workers.size();
        units = new MemorySegment[workers];
        bounds = new MemorySegment[workers];
        tileSums = new MemorySegment[workers];
        tileCounts = new MemorySegment[workers];
        int compared = SparseKernels.BOUNDS * chunk.tile.columns();
        sums = new double[workers][compared];
        counts = new double[workers][compared];
        foundRows = new int[workers][Chunk.VOCABULARY_BLOCK];
        found = new int[workers][Chunk.VOCABULARY_BLOCK];
        for (int w = 0; w < workers; w++) {
            units[w] = Chunk.allocate(arena, chunk.tile.columns());
            bounds[w] = Chunk.allocate(arena, compared);
            tileSums[w] = Chunk.allocate(arena, compared);
            tileCounts[w] = Chunk.allocate(arena, compared);
        }
    }

    /** Bytes that it takes for a chunk. */
    static long bytes(int workers, int capacity) {
        long lanes = Kernels.current().matrix().tile().columns();
        return 44L * capacity + workers * (8L * Chunk.VOCABULARY_BLOCK + (4 + 28 * SparseKernels.BOUNDS) * lanes);
    }

    /** Begins a chunk of a call. */
    void begin(long step) {
        GradientMode.Unbiased unbiased = mode instanceof GradientMode.Unbiased sampled ? sampled : null;
        double unit = unbiased == null ? 1 : SparseKernels.WHOLE / unbiased.threshold();
        for (int i = 0; i < chunk.count; i++) {
            scales[i] = isOrdinary(i) ? unit / chunk.gradientBounds[i] : 0; // of the others, all sizes are 0
            large[i] = 0;
            if (unbiased != null) {
                steps[i] = (float) (unbiased.threshold() * chunk.gradientBounds[i]);
                beginnings[i] = Philox.first(unbiased.seed(), step, chunk.tokens[i]) >>> 1;
                positions.set(INT, (long) i * Integer.BYTES, beginnings[i]);
            }
        }
        if (unbiased != null) {
            entries.begin();
        }
    }

    private boolean isOrdinary(int i) {
        return chunk.gradientBounds[i] >= LEAST_BOUND && chunk.gradientBounds[i] < Double.POSITIVE_INFINITY;
    }

    /** Has the block of a token that is neither ordinary nor without gradient made dense. */
    private void expectExtremes() {
        for (int i = 0; i < chunk.count; i++) {
            if (!isOrdinary(i) && chunk.gradientBounds[i] != 0) {
                expected[i] = Integer.MAX_VALUE;
            }
        }
    }

    /** Selects entries of the scratch memory's window, which is the whole vocabulary unless they are rounded at random. */
    void run(GradientScratch scratch) {
        this.scratch = scratch;
        if (mode instanceof GradientMode.Unbiased) {
            chunk.workers.run(chunk.groups, sampling);
        } else {
            chunk.workers.run(chunk.groups, searching);
            expectExtremes();
            entries.divide(expected);
            entries.begin(expected);
            chunk.workers.run(chunk.groups, collecting);
        }
        this.scratch = null;
    }

    /** Ends a chunk, of which all windows have been seen. */
    void end() {
        if (mode instanceof GradientMode.Unbiased unbiased) {
            for (int i = 0; i < chunk.count; i++) {
                long moved = positions.get(INT, (long) i * Integer.BYTES) - beginnings[i];
                double sum = entries.count(i)
                        - large[i]
                        + moved / (double) SparseKernels.WHOLE; // of the small, in thresholds
                tails[i] = sum * unbiased.threshold();
                expected[i] = large[i] + (int) sum;
            }
            expectExtremes();
            entries.divide(expected);
        }
        entries.complete();
        for (int i = 0; i < chunk.count; i++) {
            chunk.results.tailMasses[i] = entries.isDense(i) ? 0 : tails[i];
            chunk.results.entries[i] = entries.isDense(i) ? chunk.vocabulary : entries.count(i);
        }
    }

    /** Puts what makes sizes of the elements of a group's tile. */
    private void prepareUnits(int group, int block, int worker) {
        long at = chunk.statistics(block, group);
        for (int lane = 0; lane < chunk.tile.columns(); lane++) {
            long cell = (long) lane * Float.BYTES;
            double scale = lane < chunk.tokensIn(group) ? scales[group * chunk.tile.columns() + lane] : 0;
            units[worker].set(FLOAT, cell, (float) (scale * chunk.factors().get(FLOAT, at + cell)));
        }
    }

    private void sample(int group, int worker) {
        for (int block = scratch.firstBlock(); block < scratch.endBlock(); block++) {
            prepareUnits(group, block, worker);
            MemorySegment tile = scratch.exponentials(group, block);
            int rows = chunk.kernels
                    .sparse()
                    .sample(
                            chunk.rows(block),
                            tile,
                            units[worker],
                            positions,
                            chunk.tokens(group),
                            foundRows[worker],
                            found[worker]);
            take(group, block, tile, rows, SparseKernels.WHOLE, worker);
        }
    }

    /**
     * Takes what was found in a tile: as it is what has a size of {@code whole}, and what is smaller at the threshold.
     *
     * @param rows how many rows it was found in
     */
    private void take(int group, int block, MemorySegment tile, int rows, float whole, int worker) {
        int lanes = chunk.tile.columns();
        int first = group * lanes;
        long factors = chunk.statistics(block, group);
        for (int n = 0; n < rows; n++) {
            int row = foundRows[worker][n];
            for (int left = found[worker][n]; left != 0; left &= left - 1) {
                int lane = Integer.numberOfTrailingZeros(left);
                long cell = (long) lane * Float.BYTES;
                float element = tile.get(FLOAT, (long) row * lanes * Float.BYTES + cell);
                float size = element * units[worker].get(FLOAT, cell);
                float value;
                if (Math.abs(size) >= whole) {
                    value = element * chunk.factors().get(FLOAT, factors + cell);
                    large[first + lane]++;
                } else {
                    value = Math.copySign(steps[first + lane], size);
                }
                entries.add(first + lane, chunk.row(block) + row, value);
            }
        }
    }

    /** Finds each token's threshold, what is below it, and how many entries are not. */
    private void search(int group, int worker) {
        int first = group * chunk.tile.columns();
        switch (mode) {
            case GradientMode.DropBelow below -> {
                for (int lane = 0; lane < chunk.tokensIn(group); lane++) {
                    thresholds[first + lane] = below.threshold();
                }
                narrow(group, factors[0], Double.POSITIVE_INFINITY, worker); // all of them 1
            }
            case GradientMode.Drop drop -> {
                for (int lane = 0; lane < chunk.tokensIn(group); lane++) {
                    thresholds[first + lane] = drop.mass() / chunk.vocabulary; // below which there is no more than that
                }
                for (double[] tried : factors) {
                    narrow(group, tried, drop.mass(), worker);
                }
            }
            default -> throw new AssertionError(mode);
        }
    }

    /**
     * The factors by which the thresholds are raised: from mass / V on, below which there is no more than the mass, up to 1, in steps that are
     * divided in the next round.
     */
    private void planSearch(double ratio) {
        double step = StrictMath.pow(ratio, 1.0 / SparseKernels.BOUNDS);
        for (int round = 0; round < ROUNDS; round++) {
            for (int b = 0; b < SparseKernels.BOUNDS; b++) {
                factors[round][b] = StrictMath.pow(step, round == 0 ? b : b + 1);
            }
            step = StrictMath.pow(step, 1.0 / (SparseKernels.BOUNDS + 1));
        }
    }

    /**
     * Raises thresholds by the largest of some factors that leaves out no more than a mass.
     *
     * @param tried the factors, ascending; a first one of 1 is taken whatever it leaves out
     */
    private void narrow(int group, double[] tried, double mass, int worker) {
        int lanes = chunk.tile.columns();
        int first = group * lanes;
        for (int b = 0; b < SparseKernels.BOUNDS; b++) {
            for (int lane = 0; lane < lanes; lane++) {
                double bound = lane < chunk.tokensIn(group) ? thresholds[first + lane] * tried[b] : 1;
                bounds[worker].set(FLOAT, bound(b, lane), (float) bound);
            }
        }
        compare(group, worker);
        for (int b = 0; b < SparseKernels.BOUNDS; b++) {
            for (int lane = 0; lane < chunk.tokensIn(group); lane++) {
                double below = sums[worker][b * lanes + lane] * ROUNDED;
                if (tried[b] == 1 || below <= mass) {
                    thresholds[first + lane] = bounds[worker].get(FLOAT, bound(b, lane));
                    tails[first + lane] = below;
                    expected[first + lane] = chunk.vocabulary - (int) counts[worker][b * lanes + lane];
                }
            }
        }
    }

    private long bound(int b, int lane) {
        return ((long) b * chunk.tile.columns() + lane) * Float.BYTES;
    }

    /** What of a group's sizes is below each bound, and how many they are. */
    private void compare(int group, int worker) {
        Arrays.fill(sums[worker], 0);
        Arrays.fill(counts[worker], 0);
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            prepareUnits(group, block, worker);
            chunk.kernels
                    .sparse()
                    .tails(
                            chunk.rows(block),
                            scratch.exponentials(group, block),
                            units[worker],
                            bounds[worker],
                            tileSums[worker],
                            tileCounts[worker]);
            for (int n = 0; n < sums[worker].length; n++) {
                sums[worker][n] += tileSums[worker].get(FLOAT, (long) n * Float.BYTES);
                counts[worker][n] += tileCounts[worker].get(FLOAT, (long) n * Float.BYTES);
            }
        }
    }

    /** Takes a group's entries that are not below the thresholds. */
    private void collect(int group, int worker) {
        int lanes = chunk.tile.columns();
        if (entries.isDense(group * lanes)) {
            return;
        }
        for (int lane = 0; lane < lanes; lane++) {
            double bound = lane < chunk.tokensIn(group) ? thresholds[group * lanes + lane] : 1;
            bounds[worker].set(FLOAT, bound(0, lane), (float) bound);
        }
        for (int block = 0; block < chunk.vocabularyBlocks(); block++) {
            prepareUnits(group, block, worker);
            MemorySegment tile = scratch.exponentials(group, block);
            int rows = chunk.kernels
                    .sparse()
                    .findLarge(
                            chunk.rows(block), tile, units[worker], bounds[worker], foundRows[worker], found[worker]);
            take(group, block, tile, rows, 0, worker);
        }
    }
}
