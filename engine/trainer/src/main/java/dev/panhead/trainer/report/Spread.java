package dev.panhead.trainer.report;

import java.util.ArrayList;
import java.util.List;

/** Picks some of many, evenly spread. */
final class Spread {

    private Spread() {}

    /** At most so many elements (two or more), the first and the last among them, in their order. */
    static <T> List<T> over(List<T> all, int most) {
        if (all.size() <= most) {
            return all;
        }
        List<T> some = new ArrayList<>();
        for (int i = 0; i < most; i++) {
            some.add(all.get((int) ((long) i * (all.size() - 1) / (most - 1))));
        }
        return some;
    }
}
