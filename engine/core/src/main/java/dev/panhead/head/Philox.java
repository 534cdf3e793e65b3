package dev.panhead.head;

/**
 * Random numbers that are a function of a key and a counter: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers: as
 * easy as 1, 2, 3).
 */
final class Philox {

    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;

    private Philox() {}

    /** The first 32 of a block's 128 bits; words are passed as two to a long, the first one low. */
    static int first(long key, long counter01, long counter23) {
        int key0 = (int) key;
        int key1 = (int) (key >>> Integer.SIZE);
        int c0 = (int) counter01;
        int c1 = (int) (counter01 >>> Integer.SIZE);
        int c2 = (int) counter23;
        int c3 = (int) (counter23 >>> Integer.SIZE);
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
            long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
            c0 = (int) (product1 >>> Integer.SIZE) ^ c1 ^ key0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> Integer.SIZE) ^ c3 ^ key1;
            c3 = (int) product0;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        return c0;
    }
}
