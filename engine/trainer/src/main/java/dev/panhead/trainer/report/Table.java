package dev.panhead.trainer.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** A table of the page, whose cells are HTML. A wide one scrolls in its own region, by the keyboard too. */
final class Table {

    private final String name;
    private final String style;
    private final List<List<String>> rows = new ArrayList<>();
    private List<String> head;

    /**
     * An empty table.
     *
     * @param name what it shows, for those who cannot see it
     * @param style class of the page's style
     */
    Table(String name, String style) {
        this.name = name;
        this.style = style;
    }

    /** The names of the columns; null for one that is left out. */
    void head(String... cells) {
        head = Arrays.asList(cells);
    }

    /** A row of as many cells; those of columns that are left out do not matter. */
    void row(String... cells) {
        rows.add(Arrays.asList(cells));
    }

    /** Leaves out the columns in which no row has a figure. */
    Table withoutEmptyColumns() {
        List<String> kept = new ArrayList<>(head);
        for (int column = 0; column < head.size(); column++) {
            int at = column;
            if (rows.stream().allMatch(row -> Objects.equals(row.get(at), Numbers.NONE))) {
                kept.set(column, null);
            }
        }
        head = kept;
        return this;
    }

    String html() {
        StringBuilder html = new StringBuilder();
        html.append("<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"")
                .append(name)
                .append("\">\n<table class=\"")
                .append(style)
                .append("\">\n<thead><tr>");
        head.stream()
                .filter(Objects::nonNull)
                .forEach(cell -> html.append(cell.isEmpty() ? "<td></td>" : "<th scope=\"col\">" + cell + "</th>"));
        html.append("</tr></thead>\n<tbody>\n");
        for (List<String> row : rows) {
            html.append("<tr>");
            for (int column = 0; column < head.size(); column++) {
                if (head.get(column) != null) {
                    String tag = column == 0 ? "th" : "td";
                    html.append('<').append(tag).append(column == 0 ? " scope=\"row\">" : ">");
                    html.append(row.get(column)).append("</").append(tag).append('>');
                }
            }
            html.append("</tr>\n");
        }
        return html.append("</tbody>\n</table>\n</div>\n").toString();
    }
}
