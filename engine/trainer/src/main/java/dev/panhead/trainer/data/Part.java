package dev.panhead.trainer.data;

/**
 * A run of examples.
 *
 * @param examples what it is a part of
 * @param from the first
 * @param to behind the last
 */
public record Part(Examples examples, long from, long to) {

    /** Checks the range. */
    public Part {
        if (from < 0 || from > to || to > examples.count()) {
            throw new IllegalArgumentException(
                    "a part from " + from + " to " + to + " of " + examples.count() + " examples cannot be");
        }
    }

    /** All of them. */
    public static Part all(Examples examples) {
        return new Part(examples, 0, examples.count());
    }

    /** The last tenth; what a training holds out. */
    public static Part lastTenth(Examples examples) {
        return new Part(examples, examples.lastTenth(), examples.count());
    }

    /** Number of examples. */
    public long count() {
        return to - from;
    }

    /** Tells what is to be predicted from other things: see {@link Examples#fingerprint(long, long)}. */
    public long fingerprint() {
        return examples.fingerprint(from, to);
    }

    /** Makes a batch the {@code tokens} examples from {@code first}, counted within the part, on. */
    public void fill(Batch batch, long first, int tokens) {
        batch.resize(tokens);
        for (int i = 0; i < tokens; i++) {
            examples.copy(from + first + i, batch, i);
        }
    }
}
