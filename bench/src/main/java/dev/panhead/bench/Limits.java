package dev.panhead.bench;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Refuses numbers that are out of range. */
final class Limits {

    private Limits() {}

    /** Refuses a number that is less than 1. */
    static void requirePositive(CommandSpec spec, String option, int value) {
        requireAtLeast(spec, option, value, 1);
    }

    /** Refuses a number that is less than another. */
    static void requireAtLeast(CommandSpec spec, String option, int value, int least) {
        if (value < least) {
            throw new ParameterException(
                    spec.commandLine(), option + " must be at least " + least + ", but is " + value);
        }
    }

    /** Refuses a number that is out of range on this machine. */
    static void require(CommandSpec spec, String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new ParameterException(
                    spec.commandLine(), option + " must be from " + least + " to " + most + " here, but is " + value);
        }
    }
}
