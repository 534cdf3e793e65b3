package dev.panhead.bench;

/** Measures some things in turns, in alternating order, so that the machine's moods meet all of them. */
final class Turns {

    private Turns() {}

    /** Says, apart from the figures, how long they will take. */
    static void announce(double seconds) {
        System.err.println("panhead-bench: this takes some "
                + (seconds < 100 ? Math.max(1, Math.round(seconds)) + " s" : Math.round(seconds / 60) + " minutes"));
    }

    /** How many seconds something takes that has run before, for a second if it is short. */
    static double seconds(Runnable run) {
        run.run();
        long begin = System.nanoTime();
        double seconds;
        do {
            long start = System.nanoTime();
            run.run();
            seconds = (System.nanoTime() - start) * 1e-9;
        } while (System.nanoTime() - begin < 1_000_000_000);
        return seconds;
    }

    /** The milliseconds of each, round by round. */
    static double[][] measure(int rounds, Runnable... runs) {
        double[][] millis = new double[runs.length][rounds];
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < runs.length; i++) {
                int turn = round % 2 == 0 ? i : runs.length - 1 - i;
                long start = System.nanoTime();
                runs[turn].run();
                millis[turn][round] = (System.nanoTime() - start) * 1e-6;
            }
        }
        return millis;
    }
}
