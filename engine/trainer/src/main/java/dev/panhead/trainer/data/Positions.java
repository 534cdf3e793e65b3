package dev.panhead.trainer.data;

/**
 * The order in which training visits a text's positions: every one once an epoch, each batch spread over the whole text.
 *
 * <p>Draw i is (offset + i step) mod n with a step near the golden section of n and prime to it, so that any run of draws lies
 * evenly; each epoch has an offset and a step of its own, from the seed. A function of seed and draw alone.
 */
public final class Positions {

    private static final double GOLDEN_SECTION = 0.6180339887498949;

    private final int count;
    private final long seed;

    /** The order of {@code count} positions. */
    public Positions(int count, long seed) {
        if (count < 1) {
            throw new IllegalArgumentException("there must be a position to draw, but there are " + count);
        }
        this.count = count;
        this.seed = seed;
    }

    /** The position of a draw, 0 to count - 1. */
    public int at(long draw) {
        long epoch = draw / count;
        long random = mix(seed + epoch * 0x9e3779b97f4a7c15L);
        long offset = Math.floorMod(random, (long) count);
        long step = (long) (count * GOLDEN_SECTION) + Math.floorMod(mix(random), 1 + count / 16L);
        step = Math.max(1, step % count);
        while (gcd(step, count) != 1) {
            step++;
        }
        return (int) ((offset + draw % count * step) % count);
    }

    private static long gcd(long a, long b) {
        return b == 0 ? a : gcd(b, a % b);
    }

    /** The finalizer of SplitMix64 (Steele, Lea and Flood, 2014). */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
