package dev.panhead.blas;

import dev.panhead.exec.OneCall;
import dev.panhead.exec.Workers;
import dev.panhead.kernel.ElementKernels;
import dev.panhead.kernel.Kernels;
import dev.panhead.kernel.MatrixKernels;
import dev.panhead.kernel.Packing;
import dev.panhead.kernel.Panels;
import dev.panhead.kernel.Tile;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The general matrix product C = alpha op(A) op(B) + beta C in float32, op being the matrix or its transpose.
 *
 * <p>Every element of C is the sum, in ascending order, of one chain of fused multiply-adds for each reduction block, as many
 * consecutive k, the elements of op(A) having been multiplied by alpha first. The result is thereby a function of the operands
 * alone: the same bits for any number of workers, any vector width, and without vectors. A NaN or infinity of the operands
 * goes where the arithmetic takes it; with beta = 0, C is overwritten whatever it held, and with alpha = 0, A and B are not
 * read.
 *
 * <p>One call at a time; a call allocates nothing on the heap.
 */
public final class Gemm {

    /** KC: length of the reduction blocks, at absolute multiples of it, unless another is given. */
    public static final int BLOCK = 192;

    /** The lengths that can be given are multiples of this. */
    private static final int UNIT = 16;

    /** The longest that can be given. */
    private static final int LONGEST = MatrixKernels.LONGEST;

    /** About how much of k is packed at once, so that a block of C is in cache while all of it is added up. */
    private static final int REACH = 1152;

    /** NC: columns of op(B) that are packed at once, a multiple of every tile's. */
    private static final int COLUMNS = 1536;

    /** MC: rows of op(A) that a worker packs at once, a multiple of every tile's. */
    private static final int ROWS = 96;

    private static final int PAGE_BYTES = 4096;

    /** Vector panels packed by one task. */
    private static final int PANELS_A_TASK = 4;

    /** Tasks for each worker, so that the work ends evenly. */
    private static final int TASKS_A_WORKER = 4;

    /** op: what is done to an operand before the product. */
    public enum Op {
        /** The operand as it lies. */
        NONE,
        /** The operand transposed. */
        TRANSPOSE
    }

    private final OneCall call = new OneCall("this Gemm");
    private final Workers workers;
    private final int block;
    private final int reach;
    private final MatrixKernels kernels = Kernels.current().matrix();
    private final ElementKernels elements = Kernels.current().elements();
    private final Tile tile = kernels.tile();
    private final Panels vectorPanels;
    private final Panels[] broadcastPanels;
    private final MemorySegment scale;
    private final MemorySegment[] spares;
    private final MemorySegment[] edges;
    private final MemorySegment[] strips;
    private final ThinProduct thin;
    private final Workers.Task packing = this::packColumns;
    private final Workers.Task product = this::multiplyBlock;

    private float beta;
    private Op opA;
    private Op opB;
    private ReadableMatrix a;
    private ReadableMatrix b;
    private Matrix c;
    private int firstColumn;
    private int columns;
    private int firstK;
    private int depth;
    private int rowsATask;
    private int panelsATask;

    /**
     * Plans products of any shape, in reduction blocks of {@value #BLOCK}.
     *
     * @param arena owner of the scratch memory, 7 MiB and 0.6 MiB for each worker; shared, if there are more workers than one
     */
    public Gemm(Arena arena, Workers workers) {
        this(arena, workers, BLOCK);
    }

    /**
     * The same in reduction blocks of another length. The error of n products in blocks of b grows with the root of n b + n^2 / b; half the
     * length costs 3 % of the time. What is added up by calls with beta = 1 has the bits of one call where each begins at a
     * multiple of it. With 128, the logits X W^T are those of the head.
     *
     * @param block a multiple of 16 from 16 to {@value #LONGEST}
     * @throws IllegalArgumentException if it is not
     */
    public Gemm(Arena arena, Workers workers, int block) {
        if (block < UNIT || block > LONGEST || block % UNIT != 0) {
            throw new IllegalArgumentException(
                    "block must be a multiple of " + UNIT + " from " + UNIT + " to " + LONGEST + ", but is " + block);
        }
        this.workers = workers;
        this.block = block;
        reach = REACH / block * block;
        int depth = reach / block;
        vectorPanels = Panels.vector(arena, tile, depth * tile.vectorPanels(COLUMNS), block);
        scale = arena.allocate((long) block * Float.BYTES, Matrix.ALIGNMENT);
        broadcastPanels = new Panels[workers.size()];
        spares = new MemorySegment[workers.size()];
        edges = new MemorySegment[workers.size()];
        strips = new MemorySegment[workers.size()];
        for (int w = 0; w < workers.size(); w++) {
            broadcastPanels[w] = Panels.broadcast(arena, tile, depth * ROWS, block);
            spares[w] = arena.allocate(tile.bytes(), Matrix.ALIGNMENT);
            strips[w] = Packing.strip(arena);
            edges[w] = arena.allocate((long) ROWS * tile.columns() * Float.BYTES, Matrix.ALIGNMENT);
        }
        workers.requireReadable("the scratch memory", vectorPanels.memory());
        thin = new ThinProduct(arena, workers, kernels, vectorPanels, strips, block);
    }

    /** C = op(A) op(B). */
    public void multiply(Op opA, ReadableMatrix a, Op opB, ReadableMatrix b, Matrix c) {
        multiply(1, opA, a, opB, b, 0, c);
    }

    /**
     * C = alpha op(A) op(B) + beta C.
     *
     * @param a op(A) is m x k
     * @param b op(B) is k x n
     * @param c m x n; must not share elements with A or B
     * @throws IllegalArgumentException if the shapes do not fit, C is read-only or shares elements with A or B, or a
     *     matrix is of a confined arena and there are more workers than one
     * @throws IllegalStateException if the workers or an arena are closed, or another call is under way
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted: C is then computed in part
     */
    public void multiply(float alpha, Op opA, ReadableMatrix a, Op opB, ReadableMatrix b, float beta, Matrix c) {
        Objects.requireNonNull(opA, "opA");
        Objects.requireNonNull(opB, "opB");
        int m = opA == Op.NONE ? a.rows() : a.columns();
        int k = opA == Op.NONE ? a.columns() : a.rows();
        int kOfB = opB == Op.NONE ? b.rows() : b.columns();
        int n = opB == Op.NONE ? b.columns() : b.rows();
        if (k != kOfB) {
            throw new IllegalArgumentException("op(A) is " + m + " x " + k + " and op(B) is " + kOfB + " x " + n
                    + ": the inner dimensions differ");
        }
        c.requireShape("C", m, n);
        workers.requireReadable("A", a.segment());
        workers.requireReadable("B", b.segment());
        workers.requireWritable("C", c.segment());
        c.requireApart("C", "A", a);
        c.requireApart("C", "B", b);
        if (m == 0 || n == 0) {
            return;
        }
        call.begin();
        try {
            if (opB == Op.TRANSPOSE && alpha != 0 && thin.fits(m, k)) {
                thin.multiply(alpha, opA == Op.TRANSPOSE, a, b, beta, c);
                return;
            }
            Packing.repeat(alpha, scale);
            this.beta = beta;
            this.opA = opA;
            this.opB = opB;
            this.a = a;
            this.b = b;
            this.c = c;
            multiply(m, n, alpha == 0 ? 0 : k);
        } finally {
            this.a = null;
            this.b = null;
            this.c = null;
            call.end();
        }
    }

    /** The product of the operands at hand, which is m x n and adds up {@code length} terms. */
    private void multiply(int m, int n, int length) {
        firstColumn = 0;
        while (firstColumn < n) {
            columns = Math.min(COLUMNS, n - firstColumn);
            split(m);
            firstK = 0;
            do {
                depth = Math.min(reach, length - firstK); // 0 if there is nothing to add up
                workers.run(packingTasks(), packing);
                workers.run(rowTasks(m) * columnTasks(), product);
                firstK += depth;
            } while (firstK < length);
            firstColumn += columns;
        }
    }

    /** Cuts C's columns at hand into tasks of about equal size, several for each worker. */
    private void split(int m) {
        int wanted = workers.size() == 1 ? 1 : workers.size() * TASKS_A_WORKER;
        int panels = tile.vectorPanels(columns);
        int rowTasks = Math.clamp(Math.ceilDiv(m, ROWS), Math.min(wanted, tile.broadcastPanels(m)), Integer.MAX_VALUE);
        rowsATask = Math.min(ROWS, tile.broadcastPanels(Math.ceilDiv(m, rowTasks)) * tile.rows());
        int columnTasks = Math.clamp(Math.ceilDiv(wanted, rowTasks(m)), 1, panels);
        panelsATask = Math.ceilDiv(panels, columnTasks);
    }

    private int rowTasks(int m) {
        return Math.ceilDiv(m, rowsATask);
    }

    private int columnTasks() {
        int panels = tile.vectorPanels(columns);
        return Math.ceilDiv(panels, panelsATask);
    }

    /** Reduction blocks at hand. */
    private int blocks() {
        return Math.ceilDiv(depth, block);
    }

    private int packingTasks() {
        int panels = tile.vectorPanels(columns);
        return opB == Op.TRANSPOSE ? panels : Math.ceilDiv(panels, PANELS_A_TASK) * blocks();
    }

    /** Packs a vector panel of op(B) through all reduction blocks at hand, if it is of B's rows, or else several panels of one block. */
    private void packColumns(int task, int worker) {
        if (opB == Op.NONE) {
            packColumns(task / blocks() * PANELS_A_TASK, PANELS_A_TASK, task % blocks(), worker);
            return;
        }
        int first = task * tile.columns();
        int rows = Math.min(tile.columns(), columns - first);
        Packing.fetch(b, firstColumn + first, rows, firstK, depth, strips[worker]);
        for (int part = 0; part < blocks(); part++) {
            packColumns(task, 1, part, worker);
        }
    }

    private void packColumns(int panel, int panels, int part, int worker) {
        int first = panel * tile.columns();
        Packing.vector(
                kernels,
                opB == Op.TRANSPOSE,
                b,
                strips[worker],
                firstK + part * block,
                length(part),
                firstColumn + first,
                Math.min(panels * tile.columns(), columns - first),
                vectorPanels,
                part * tile.vectorPanels(columns) + panel);
    }

    /** The length of a reduction block at hand. */
    private int length(int part) {
        return Math.min(block, depth - part * block);
    }

    /** Adds the reduction blocks at hand to one block of C. */
    private void multiplyBlock(int task, int worker) {
        int columnTasks = columnTasks();
        int row = task / columnTasks * rowsATask;
        int rows = Math.min(rowsATask, c.rows() - row);
        int fromPanel = task % columnTasks * panelsATask;
        int toPanel = Math.min(fromPanel + panelsATask, tile.vectorPanels(columns));
        if (firstK == 0 && beta != 1) {
            scale(row, rows, fromPanel, toPanel);
        }
        packRows(row, rows, worker);
        for (int p = fromPanel; p < toPanel; p++) {
            for (int part = 0; part < blocks(); part++) {
                multiplyPanel(row, rows, p, part, worker);
            }
        }
    }

    /**
     * Packs rows of alpha op(A): all at once, if they are A's columns, or else panel by panel, each through all reduction blocks at hand, so that
     * A's rows are read in long runs.
     */
    private void packRows(int row, int rows, int worker) {
        int step = opA == Op.TRANSPOSE ? rows : tile.rows();
        for (int i = 0; i < rows; i += step) {
            for (int part = 0; part < blocks(); part++) {
                if (opA == Op.TRANSPOSE && a.rowStride() * Float.BYTES >= PAGE_BYTES) {
                    Packing.fetch(a, firstK + part * block, length(part), row, rows, strips[worker]);
                }
                Packing.broadcast(
                        kernels,
                        opA == Op.TRANSPOSE,
                        a,
                        strips[worker],
                        scale,
                        row + i,
                        Math.min(step, rows - i),
                        firstK + part * block,
                        length(part),
                        broadcastPanels[worker],
                        part * tile.broadcastPanels(rows) + i / tile.rows());
            }
        }
    }

    /** Adds one reduction block to some rows of C, one vector panel wide. */
    private void multiplyPanel(int row, int rows, int p, int part, int worker) {
        Panels panels = broadcastPanels[worker];
        int first = part * tile.broadcastPanels(rows);
        int kc = length(part);
        MemorySegment panel = vectorPanels.get(part * tile.vectorPanels(columns) + p);
        boolean accumulate = firstK > 0 || part > 0 || beta != 0;
        int column = firstColumn + p * tile.columns();
        int width = Math.min(tile.columns(), firstColumn + columns - column);
        int direct = width == tile.columns() ? rows / tile.rows() : 0;
        if (direct > 0) {
            kernels.multiply(
                    panels,
                    first,
                    direct,
                    kc,
                    panel,
                    c.segment(),
                    c.offset(row, column),
                    c.rowStride() * Float.BYTES,
                    accumulate,
                    spares[worker]);
        }
        int done = direct * tile.rows();
        if (done < rows) {
            MemorySegment edge = edges[worker];
            kernels.multiply(
                    panels,
                    first + direct,
                    tile.broadcastPanels(rows - done),
                    kc,
                    panel,
                    edge,
                    0,
                    (long) tile.columns() * Float.BYTES,
                    false,
                    spares[worker]);
            Packing.update(
                    elements,
                    edge,
                    0,
                    (long) tile.columns() * Float.BYTES,
                    c,
                    row + done,
                    column,
                    rows - done,
                    width,
                    accumulate);
        }
    }

    /** C = beta C for one block; with beta = 0 the product itself overwrites it, unless there is none. */
    private void scale(int row, int rows, int fromPanel, int toPanel) {
        if (beta == 0 && depth > 0) {
            return;
        }
        int from = firstColumn + fromPanel * tile.columns();
        int to = Math.min(firstColumn + toPanel * tile.columns(), firstColumn + columns);
        for (int i = row; i < row + rows; i++) {
            for (int j = from; j < to; j++) {
                c.set(i, j, beta == 0 ? 0 : beta * c.get(i, j));
            }
        }
    }
}
