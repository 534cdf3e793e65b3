package dev.panhead.trainer.report;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a training was given. Text that was not noted is empty, a number NaN.
 *
 * @param version of the program
 * @param started when it began, as ISO 8601 has it
 * @param data what it learns from, in words
 * @param heldOutData tells what is held out from other data
 * @param tokenizer name of what cuts text into tokens
 * @param modelType name of the kind of model
 * @param parameters numbers that are learnt
 * @param tokens tokens to learn from
 * @param heldOutTokens tokens kept for evaluation
 * @param vocabulary V
 * @param width d
 * @param threads that compute
 * @param kernel name of the kernels
 * @param vectorBits width of their vectors
 * @param processor name of the processor
 * @param options each option's name and value as text
 */
record Run(
        String version,
        String started,
        String data,
        String heldOutData,
        String tokenizer,
        String modelType,
        double parameters,
        double tokens,
        double heldOutTokens,
        double vocabulary,
        double width,
        double threads,
        String kernel,
        double vectorBits,
        String processor,
        Map<String, String> options) {

    static final Run UNKNOWN = of(Fields.NONE);

    /** The run that a line tells of. */
    static Run of(Fields line) {
        Map<String, String> options = new LinkedHashMap<>();
        line.object("options").values().forEach((name, value) -> options.put(String.valueOf(name), option(value)));
        return new Run(
                line.text("version"),
                line.text("started"),
                line.text("data"),
                line.text("held_out_data"),
                line.text("tokenizer"),
                line.text("model_type"),
                line.number("parameters"),
                line.number("tokens"),
                line.number("held_out_tokens"),
                line.number("vocabulary"),
                line.number("width"),
                line.number("threads"),
                line.text("kernel"),
                line.number("vector_bits"),
                line.text("processor"),
                options);
    }

    /** The same with the options that a line tells of, if it does: those that a training went on with. */
    Run with(Fields line) {
        Map<String, String> changed = of(line).options;
        return changed.isEmpty()
                ? this
                : new Run(
                        version,
                        started,
                        data,
                        heldOutData,
                        tokenizer,
                        modelType,
                        parameters,
                        tokens,
                        heldOutTokens,
                        vocabulary,
                        width,
                        threads,
                        kernel,
                        vectorBits,
                        processor,
                        changed);
    }

    private static String option(Object value) {
        return value instanceof Double number ? Numbers.significant(number, 6) : String.valueOf(value);
    }
}
