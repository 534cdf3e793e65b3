package dev.panhead.trainer.data;

/**
 * The order in which training visits its examples: every one once an epoch, each batch spread over all of them.
 *
 * <p>Draw i is (offset + i step) mod n with a step prime to n and near n / (k + 0.618...), k a whole number: no such ratio is near to a
 * fraction of small numbers, and so any run of draws lies evenly. Each epoch has an offset and a k of its own, from the seed. A function of
 * seed and draw alone. One thread at a time.
 */
public final class Order {

    private static final double GOLDEN_SECTION = 0.6180339887498949;

    /** Number of different k. */
    private static final int STEPS = 8;

    /** Products of numbers below 2^41 are taken in two parts, the lower of so many bits. */
    private static final int LOW_BITS = 21;

    private static final long MOST = 1L << 41;

    private final long count;
    private final long seed;
    private long epoch = -1;
    private long offset;
    private long step;

    /** The order of {@code count} examples, at least one and at most 2^41. */
    public Order(long count, long seed) {
        if (count < 1 || count > MOST) {
            throw new IllegalArgumentException("from 1 to 2^41 examples can be drawn, but there are " + count);
        }
        this.count = count;
        this.seed = seed;
    }

    /** The example of a draw, 0 to count - 1. */
    public long at(long draw) {
        if (draw / count != epoch) {
            begin(draw / count);
        }
        return (offset + product(draw % count)) % count;
    }

    private void begin(long number) {
        epoch = number;
        long random = mix(seed + number * 0x9e3779b97f4a7c15L);
        offset = Math.floorMod(random, count);
        long whole = 1 + Math.floorMod(mix(random), STEPS);
        step = Math.max(1, (long) (count / (whole + GOLDEN_SECTION)));
        while (gcd(step, count) != 1) {
            step++;
        }
    }

    /** index * step modulo count, without overflow. */
    private long product(long index) {
        long high = index * (step >>> LOW_BITS) % count;
        long low = index * (step & (1L << LOW_BITS) - 1) % count;
        return ((high << LOW_BITS) % count + low) % count;
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
