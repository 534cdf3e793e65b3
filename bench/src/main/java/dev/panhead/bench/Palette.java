package dev.panhead.bench;

import java.awt.Color;
import java.util.List;

/**
 * Colours of a plot, those of the page around it.
 *
 * @param background of page and plot
 * @param text titles and labels
 * @param muted axes and roofs
 * @param grid lines behind the data
 * @param series one colour for each kind of data
 */
record Palette(Color background, Color text, Color muted, Color grid, List<Color> series) {

    static final Palette LIGHT =
            of(0xffffff, 0x1f2328, 0x59636e, 0xe1e4e8, 0x0b63b0, 0xb35900, 0x0f766e, 0x7a3fb0, 0xb4234a, 0x6b6100);

    static final Palette DARK =
            of(0x14181d, 0xe6e9ed, 0x9aa4af, 0x2c333b, 0x6cb2f5, 0xf0a860, 0x55c7b5, 0xc6a2f5, 0xf58aa6, 0xd6c95a);

    private static Palette of(int background, int text, int muted, int grid, int... series) {
        return new Palette(
                new Color(background),
                new Color(text),
                new Color(muted),
                new Color(grid),
                java.util.Arrays.stream(series).mapToObj(Color::new).toList());
    }

    /** The colour of a kind of data. */
    Color series(int index) {
        return series.get(index % series.size());
    }
}
