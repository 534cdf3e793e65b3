package dev.panhead.kernel;

import static dev.panhead.kernel.VectorWidth.FLOATS;
import static dev.panhead.kernel.VectorWidth.ORDER;

import dev.panhead.tensor.HalfMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The matrix kernels in vectors: a tile of 6 rows by 2 vectors, whatever the vectors' width. */
final class VectorMatrixKernels implements MatrixKernels {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final int LANES = FLOATS.length();
    private static final int VECTOR_BYTES = LANES * Float.BYTES;
    static final Tile TILE = new Tile(6, 2 * LANES);

    /** Floats of a broadcast panel from one k to the next. */
    private static final int PITCH = Tile.BROADCAST_PITCH;

    /** The same in bytes. */
    private static final int A_STEP = PITCH * Float.BYTES;

    private static final MatrixKernels SCALAR = new ScalarMatrixKernels();

    private static final MemorySegment ONES = Arena.global().allocate(TILE.columns() * Float.BYTES, VECTOR_BYTES);

    static {
        for (int i = 0; i < TILE.columns(); i++) {
            ONES.setAtIndex(FLOAT, i, 1);
        }
    }

    private static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;

    /** Whether data is moved in vectors of 8 floats, which are slow where the machine's are shorter. */
    private static final boolean BLOCKS_OF_8 = LANES >= 8;

    /** The vectors that meet rows as they lie: no wider than a thin panel. */
    private static final VectorSpecies<Float> STREAM = BLOCKS_OF_8 ? EIGHT : FLOATS;

    /** Bytes from a k to the next in a thin panel, and from a row to the next in a thin tile. */
    private static final int THIN_BYTES = THIN_COLUMNS * Float.BYTES;

    /** A thin tile that changes nothing that is added to it: to 0, a chain of -0 could be. */
    private static final MemorySegment NOTHING = Arena.global().allocate(STREAMS * THIN_BYTES, VECTOR_BYTES);

    static {
        for (int i = 0; i < STREAMS * THIN_COLUMNS; i++) {
            NOTHING.setAtIndex(FLOAT, i, -0f);
        }
    }

    @Override
    public Tile tile() {
        return TILE;
    }

    @Override
    public void multiply(
            Panels a,
            int first,
            int count,
            int kc,
            MemorySegment b,
            MemorySegment factors,
            long factorsAt,
            MemorySegment c,
            long cOffset,
            long cStride,
            boolean accumulate,
            MemorySegment spare) {
        boolean direct = PlainMemory.is(c);
        if (!direct && !PlainMemory.is(spare)) {
            ScalarMatrixKernels.multiply(
                    TILE, a, first, count, kc, b, factors, factorsAt, c, cOffset, cStride, accumulate);
            return;
        }
        boolean scaled = direct && factors != null;
        MemorySegment f = scaled ? factors : ONES;
        long fAt = scaled ? factorsAt : 0;
        int end = kc * PITCH;
        for (int p = 0; p < count; p++) {
            FloatBuffer panel = a.floats(first + p);
            long at = cOffset + p * TILE.rows() * cStride;
            if (direct) {
                if (!accumulate) {
                    clear(c, at, cStride);
                }
                addTile(end, panel, 2 * VECTOR_BYTES, b, f, fAt, c, at, cStride);
            } else {
                clear(spare, 0, 2 * VECTOR_BYTES);
                addTile(end, panel, 2 * VECTOR_BYTES, b, f, fAt, spare, 0, 2 * VECTOR_BYTES);
                ScalarMatrixKernels.put(TILE, spare, factors, factorsAt, c, at, cStride, accumulate);
            }
        }
    }

    /**
     * Makes a tile of C what changes nothing that is added to it. A kernel of its own that overwrites C would be no faster, since C's lines
     * come while the tile is made, and C2 would have it to compile too before the first product is done.
     *
     * @param target of {@link PlainMemory}
     */
    private static void clear(MemorySegment target, long at, long stride) {
        MemorySegment c = PlainMemory.of(target);
        FloatVector none = FloatVector.broadcast(FLOATS, -0f);
        for (int i = 0; i < TILE.rows(); i++) {
            none.intoMemorySegment(c, at + i * stride, ORDER);
            none.intoMemorySegment(c, at + i * stride + VECTOR_BYTES, ORDER);
        }
    }

    /**
     * C += one tile times factors. The vectors of B stand on the left of the multiply-adds: with the broadcast there, C2's register
     * allocator spills an accumulator in the loop on machines of 16 registers, at half the speed. C1, which gives up on methods of much more
     * bytecode than this one, must not: C2 is asked only for what C1 has profiled.
     *
     * <p>A is read as ints count its floats, which C2 proves in range before the loop by two comparisons each; a segment's long offsets cost it some
     * thirty instructions each, every time. B's offset grows by what C2 does not know to be constant, as long as this method is too long to be inlined, so that its checks stay in
     * the loop, and the loop is not unrolled: unrolled, it has more vectors at once than there are registers, at half the speed. The second check stands between the first
     * products and the others, since C2 mixes nothing across it: with both checks first, it reads so many floats of A ahead that 16 registers do not hold them. The
     * rows take B's vectors in alternating order for the same reason: with one order in all, C2 spills one of the two. Of a loop that
     * is known to be short, C2 makes no second one around it for safepoints, whose variables would be saved within it.
     *
     * @param end where A's last row ends, in floats
     * @param bStep bytes from a k to the next in B
     * @param target of {@link PlainMemory}
     */
    private static void addTile(
            int end,
            FloatBuffer a,
            long bStep,
            MemorySegment b,
            MemorySegment factors,
            long factorsAt,
            MemorySegment target,
            long at,
            long stride) {
        FloatVector c00 = FloatVector.zero(FLOATS);
        FloatVector c01 = c00;
        FloatVector c10 = c00;
        FloatVector c11 = c00;
        FloatVector c20 = c00;
        FloatVector c21 = c00;
        FloatVector c30 = c00;
        FloatVector c31 = c00;
        FloatVector c40 = c00;
        FloatVector c41 = c00;
        FloatVector c50 = c00;
        FloatVector c51 = c00;
        long bAt = 0;
        int last = Objects.checkIndex(end, LONGEST * PITCH + 1);
        for (int o = 0; o < last; o += PITCH, bAt += bStep) {
            FloatVector b0 = FloatVector.fromMemorySegment(FLOATS, b, bAt, ORDER);
            FloatVector a0 = FloatVector.broadcast(FLOATS, a.get(o));
            c00 = b0.fma(a0, c00);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a.get(o + 1));
            c10 = b0.fma(a1, c10);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOATS, b, bAt + VECTOR_BYTES, ORDER);
            c11 = b1.fma(a1, c11);
            c01 = b1.fma(a0, c01);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a.get(o + 2));
            c20 = b0.fma(a2, c20);
            c21 = b1.fma(a2, c21);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a.get(o + 3));
            c31 = b1.fma(a3, c31);
            c30 = b0.fma(a3, c30);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a.get(o + 4));
            c40 = b0.fma(a4, c40);
            c41 = b1.fma(a4, c41);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a.get(o + 5));
            c51 = b1.fma(a5, c51);
            c50 = b0.fma(a5, c50);
        }
        MemorySegment c = PlainMemory.of(target);
        FloatVector f0 = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt, ORDER);
        FloatVector f1 = FloatVector.fromMemorySegment(FLOATS, factors, factorsAt + VECTOR_BYTES, ORDER);
        c00.fma(f0, FloatVector.fromMemorySegment(FLOATS, c, at, ORDER)).intoMemorySegment(c, at, ORDER);
        c01.fma(f1, FloatVector.fromMemorySegment(FLOATS, c, at + VECTOR_BYTES, ORDER))
                .intoMemorySegment(c, at + VECTOR_BYTES, ORDER);
        c10.fma(f0, FloatVector.fromMemorySegment(FLOATS, c, at + stride, ORDER))
                .intoMemorySegment(c, at + stride, ORDER);
        c11.fma(f1, FloatVector.fromMemorySegment(FLOATS, c, at + stride + VECTOR_BYTES, ORDER))
                .intoMemorySegment(c, at + stride + VECTOR_BYTES, ORDER);
        c20.fma(f0, FloatVector.fromMemorySegment(FLOATS, c, at + 2 * stride, ORDER))
                .intoMemorySegment(c, at + 2 * stride, ORDER);
        c21.fma(f1, FloatVector.fromMemorySegment(FLOATS, c, at + 2 * stride + VECTOR_BYTES, ORDER))
                .intoMemorySegment(c, at + 2 * stride + VECTOR_BYTES, ORDER);
        c30.fma(f0, FloatVector.fromMemorySegment(FLOATS, c, at + 3 * stride, ORDER))
                .intoMemorySegment(c, at + 3 * stride, ORDER);
        c31.fma(f1, FloatVector.fromMemorySegment(FLOATS, c, at + 3 * stride + VECTOR_BYTES, ORDER))
                .intoMemorySegment(c, at + 3 * stride + VECTOR_BYTES, ORDER);
        c40.fma(f0, FloatVector.fromMemorySegment(FLOATS, c, at + 4 * stride, ORDER))
                .intoMemorySegment(c, at + 4 * stride, ORDER);
        c41.fma(f1, FloatVector.fromMemorySegment(FLOATS, c, at + 4 * stride + VECTOR_BYTES, ORDER))
                .intoMemorySegment(c, at + 4 * stride + VECTOR_BYTES, ORDER);
        c50.fma(f0, FloatVector.fromMemorySegment(FLOATS, c, at + 5 * stride, ORDER))
                .intoMemorySegment(c, at + 5 * stride, ORDER);
        c51.fma(f1, FloatVector.fromMemorySegment(FLOATS, c, at + 5 * stride + VECTOR_BYTES, ORDER))
                .intoMemorySegment(c, at + 5 * stride + VECTOR_BYTES, ORDER);
    }

    @Override
    public void multiplyRows(
            int rows,
            int kc,
            MemorySegment a,
            long aOffset,
            long aStride,
            MemorySegment b,
            int columns,
            MemorySegment c,
            long cOffset,
            boolean accumulate) {
        if (!accumulate) {
            MemorySegment.copy(NOTHING, 0, c, cOffset, NOTHING.byteSize());
        }
        for (int column = 0; column < columns; column += STREAM.length()) {
            long o = (long) column * Float.BYTES;
            rows(rows - 1, kc * Float.BYTES, a, aOffset, aStride, b, o, c, cOffset + o);
        }
    }

    @Override
    public void multiplyColumn(
            HalfMatrix.Format format,
            int rows,
            int length,
            int block,
            MemorySegment a,
            long aOffset,
            long aStride,
            float[] x,
            MemorySegment c,
            boolean accumulate,
            MemorySegment spare) {
        if (!BLOCKS_OF_8) {
            SCALAR.multiplyColumn(format, rows, length, block, a, aOffset, aStride, x, c, accumulate, spare);
            return;
        }
        // What changes nothing that is added to it: to 0, a chain of -0 could be.
        FloatVector none = FloatVector.broadcast(EIGHT, -0f);
        none.intoMemorySegment(c, THIN_BYTES, ORDER);
        if (!accumulate) {
            none.intoMemorySegment(c, 0, ORDER);
        }
        int done = length & -8;
        if (format == null) {
            VectorBlocks.multiply(rows, done, block, a, aOffset, aStride, x, 0, c);
        } else if (format == HalfMatrix.Format.BFLOAT16 && ORDER == ByteOrder.LITTLE_ENDIAN) {
            done = length & -16;
            VectorBlocks.multiplyBfloat16(rows, done, block, a, aOffset, aStride, x, 0, c);
        } else {
            int run = (int) (spare.byteSize() / (STREAMS * Float.BYTES)) / block * block;
            long pitch = (long) run * Float.BYTES;
            for (int k = 0; k < done; k += run) {
                int n = Math.min(run, done - k);
                widen(format, rows, n, a, aOffset + (long) k * Short.BYTES, aStride, spare, pitch);
                VectorBlocks.multiply(rows, n, block, spare, 0, pitch, x, k, c);
            }
        }
        for (int i = 0; i < rows; i++) {
            long at = i * (long) Float.BYTES;
            float total = c.get(FLOAT, at);
            float sum = c.get(FLOAT, THIN_BYTES + at);
            if (done < length) {
                if (done % block == 0) { // a block of its own
                    total += sum;
                    sum = 0;
                }
                sum = ScalarMatrixKernels.chain(sum, format, done, length, a, aOffset + i * aStride, x);
            }
            c.set(FLOAT, at, total + sum);
        }
    }

    /**
     * C += one vector of columns for eight rows of A, of which the last one stands for those that are not there. It adds always, to {@link #NOTHING} if there is
     * nothing to add to: what C2 has not seen run when it compiles, and then compiles anew before it has a profile, is on the heap for good.
     */
    private static void rows(
            int last,
            int end,
            MemorySegment a,
            long a0,
            long stride,
            MemorySegment b,
            long bAt,
            MemorySegment c,
            long at) {
        long a1 = a0 + Math.min(1, last) * stride;
        long a2 = a0 + Math.min(2, last) * stride;
        long a3 = a0 + Math.min(3, last) * stride;
        long a4 = a0 + Math.min(4, last) * stride;
        long a5 = a0 + Math.min(5, last) * stride;
        long a6 = a0 + Math.min(6, last) * stride;
        long a7 = a0 + Math.min(7, last) * stride;
        FloatVector c0 = FloatVector.zero(STREAM);
        FloatVector c1 = c0;
        FloatVector c2 = c0;
        FloatVector c3 = c0;
        FloatVector c4 = c0;
        FloatVector c5 = c0;
        FloatVector c6 = c0;
        FloatVector c7 = c0;
        for (int o = 0; o < end; o += Float.BYTES) {
            FloatVector x = FloatVector.fromMemorySegment(STREAM, b, bAt + THIN_COLUMNS * (long) o, ORDER);
            c0 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a0 + o)), c0);
            c1 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a1 + o)), c1);
            c2 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a2 + o)), c2);
            c3 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a3 + o)), c3);
            c4 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a4 + o)), c4);
            c5 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a5 + o)), c5);
            c6 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a6 + o)), c6);
            c7 = x.fma(FloatVector.broadcast(STREAM, a.get(FLOAT, a7 + o)), c7);
        }
        c0.add(FloatVector.fromMemorySegment(STREAM, c, at, ORDER)).intoMemorySegment(c, at, ORDER);
        c1.add(FloatVector.fromMemorySegment(STREAM, c, at + THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + THIN_BYTES, ORDER);
        c2.add(FloatVector.fromMemorySegment(STREAM, c, at + 2 * THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + 2 * THIN_BYTES, ORDER);
        c3.add(FloatVector.fromMemorySegment(STREAM, c, at + 3 * THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + 3 * THIN_BYTES, ORDER);
        c4.add(FloatVector.fromMemorySegment(STREAM, c, at + 4 * THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + 4 * THIN_BYTES, ORDER);
        c5.add(FloatVector.fromMemorySegment(STREAM, c, at + 5 * THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + 5 * THIN_BYTES, ORDER);
        c6.add(FloatVector.fromMemorySegment(STREAM, c, at + 6 * THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + 6 * THIN_BYTES, ORDER);
        c7.add(FloatVector.fromMemorySegment(STREAM, c, at + 7 * THIN_BYTES, ORDER))
                .intoMemorySegment(c, at + 7 * THIN_BYTES, ORDER);
    }

    @Override
    public void interleave(
            int rows,
            int columns,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment factors,
            long factorsAt,
            Panels panels,
            int first,
            int k) {
        int blocked = BLOCKS_OF_8 && PlainMemory.is(panels.memory()) ? columns / LANES * LANES : 0;
        for (int i = 0; i < rows; i += TILE.rows()) {
            int held = Math.min(TILE.rows(), rows - i);
            long from = offset + i * stride;
            MemorySegment panel = panels.get(first + i / TILE.rows());
            if (blocked > 0) {
                VectorInterleave.panel(
                        held, blocked, source, from, stride, factors, factorsAt, panel, k * (long) A_STEP);
            }
            ScalarMatrixKernels.interleave(held, blocked, columns, source, from, stride, factors, factorsAt, panel, k);
        }
    }

    @Override
    public void transpose(
            int rows,
            int columns,
            MemorySegment source,
            long offset,
            long stride,
            MemorySegment target,
            long to,
            long pitch) {
        int blocked = BLOCKS_OF_8 && PlainMemory.is(target) ? columns & -8 : 0;
        // Through the rows first: a line of the target is filled at once, since a store to one that is not in cache
        // holds up others.
        for (int j = 0; j < blocked; j += 8) {
            for (int i = 0; i < rows; i += 8) {
                long from = offset + i * stride + j * (long) Float.BYTES;
                long into = to + i * (long) Float.BYTES + j * pitch;
                VectorBlocks.transpose(Math.min(8, rows - i), source, from, stride, target, into, pitch);
            }
        }
        ScalarMatrixKernels.transpose(blocked, columns, rows, source, offset, stride, target, to, pitch);
    }

    @Override
    public void cutBroadcast(
            int rows,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first) {
        for (int p = 0; p < TILE.broadcastPanels(columns); p++) {
            int held = Math.min(TILE.rows(), columns - p * TILE.rows());
            long from = offset + p * TILE.rows() * (long) Float.BYTES;
            MemorySegment panel = panels.get(first + p);
            int whole = eights(rows, Float.BYTES, source, from, stride, panel);
            if (whole > 0) {
                VectorCuts.broadcast(whole, scale, source, from, stride, panel);
            }
            ScalarMatrixKernels.cut(whole, rows, held, scale, source, from, stride, panel, Tile.BROADCAST_PITCH);
        }
    }

    @Override
    public void cutBfloat16(
            int rows,
            int columns,
            float scale,
            MemorySegment source,
            long offset,
            long stride,
            Panels panels,
            int first) {
        for (int p = 0; p < TILE.broadcastPanels(columns); p++) {
            int held = Math.min(TILE.rows(), columns - p * TILE.rows());
            long from = offset + p * TILE.rows() * (long) Short.BYTES;
            MemorySegment panel = panels.get(first + p);
            int whole = ORDER == ByteOrder.LITTLE_ENDIAN ? eights(rows, Short.BYTES, source, from, stride, panel) : 0;
            if (whole > 0) {
                VectorCuts.broadcastBfloat16(whole, scale, source, from, stride, panel);
            }
            ScalarMatrixKernels.cutBfloat16(whole, rows, held, scale, source, from, stride, panel);
        }
    }

    /** How many of some rows vectors take: those that have 8 elements from an offset on, be it that the next row's are among them. */
    private static int eights(
            int rows, int elementBytes, MemorySegment source, long offset, long stride, MemorySegment panel) {
        long room = source.byteSize() - offset - 8L * elementBytes;
        return !BLOCKS_OF_8 || !PlainMemory.is(panel) || room < 0 ? 0 : (int) Math.min(rows, room / stride + 1);
    }

    @Override
    public void cutVector(
            int rows, int columns, MemorySegment source, long offset, long stride, Panels panels, int first) {
        for (int p = 0; p < TILE.vectorPanels(columns); p++) {
            int held = Math.min(TILE.columns(), columns - p * TILE.columns());
            long from = offset + p * 2L * VECTOR_BYTES;
            MemorySegment panel = panels.get(first + p);
            if (held == TILE.columns() && PlainMemory.is(panel)) {
                VectorCuts.vector(rows, source, from, stride, panel);
            } else {
                ScalarMatrixKernels.cut(0, rows, held, 1, source, from, stride, panel, TILE.columns());
            }
        }
    }

    @Override
    public void widen(HalfMatrix.Format format, int n, MemorySegment source, long from, MemorySegment target, long to) {
        int whole = PlainMemory.is(target) ? n / VectorHalves.LANES * VectorHalves.LANES : 0;
        if (whole > 0) {
            switch (format) {
                case BFLOAT16 -> VectorHalves.widenBfloat16(whole, source, from, target, to);
                case FLOAT16 -> VectorHalves.widenFloat16(whole, source, from, target, to);
            }
        }
        ScalarMatrixKernels.widen(format, whole, n, source, from, target, to);
    }

    @Override
    public void sumPanel(int kc, MemorySegment panel, MemorySegment target, long to) {
        if (!BLOCKS_OF_8) {
            ScalarMatrixKernels.sum(kc, panel, target, to);
            return;
        }
        FloatVector sum = FloatVector.zero(EIGHT);
        for (int o = 0; o < kc * A_STEP; o += A_STEP) {
            sum = sum.add(FloatVector.fromMemorySegment(EIGHT, panel, o, ORDER));
        }
        sum.intoMemorySegment(target, to, ORDER);
    }
}
