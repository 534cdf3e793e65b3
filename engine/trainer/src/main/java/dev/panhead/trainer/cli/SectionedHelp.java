package dev.panhead.trainer.cli;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Help;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.OptionSpec;

/**
 * The options of a command's help under the headings of the {@link Section sections} that they belong to, in the order of their
 * declaration; those of no section first.
 */
final class SectionedHelp implements IHelpSectionRenderer {

    /** The options that a class declares belong together. */
    @Retention(RetentionPolicy.RUNTIME)
    @interface Section {
        /** What stands above them. */
        String value();
    }

    @Override
    public String render(Help help) {
        Map<String, List<OptionSpec>> sections = new LinkedHashMap<>();
        sections.put("", new ArrayList<>());
        for (OptionSpec option : help.commandSpec().options()) {
            sections.computeIfAbsent(heading(option), key -> new ArrayList<>()).add(option);
        }
        StringBuilder text = new StringBuilder();
        sections.forEach((heading, options) -> {
            Help.Layout layout = help.createDefaultLayout(options, List.of(), help.colorScheme());
            layout.addOptions(options, help.parameterLabelRenderer());
            text.append(heading.replace("\n", System.lineSeparator())).append(layout);
        });
        return text.toString();
    }

    private static String heading(OptionSpec option) {
        Section section = option.userObject() instanceof Field field
                ? field.getDeclaringClass().getAnnotation(Section.class)
                : null;
        return section == null ? "" : "\n" + section.value() + "\n";
    }
}
