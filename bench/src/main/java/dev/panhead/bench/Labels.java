package dev.panhead.bench;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.XYChart;

/** Labels of points and lines: points that fall together share one, and each is put where it covers the least. */
final class Labels {

    /** Points nearer than this, in pixels, share a label. */
    private static final double NEAR = 18;

    /** Distances from a point to its label that are tried. */
    private static final double[] GAPS = {8, 14, 22};

    /** Half the width of what a point and a line take up. */
    private static final double POINT = 8;

    private static final double LINE = 1.5;
    private static final int STEPS = 200;

    /** Where along a line its label may be. */
    private static final double[] PARTS = {0.3, 0.5, 0.7, 0.9, 0.1};

    /** Where a label may stand. */
    enum Side {
        /** Above what it names, or to the left. */
        ABOVE,
        /** Below it, or to the right. */
        BELOW,
        /** On any side. */
        ANY
    }

    private record Line(Side side, List<Point> anchors) {}

    private record Point(String label, double x, double y) {
        double distance(Point other) {
            return Math.hypot(x - other.x, y - other.y);
        }
    }

    private final XYChart chart;
    private final Font font;
    private final List<Point> points = new ArrayList<>();
    private final List<Line> lines = new ArrayList<>();
    private final List<Rectangle2D> taken = new ArrayList<>();

    /** Labels of a chart whose axes and series are complete. */
    Labels(XYChart chart) {
        this.chart = chart;
        font = chart.getStyler().getAnnotationTextFont();
        BufferedImage image = new BufferedImage(chart.getWidth(), chart.getHeight(), BufferedImage.TYPE_INT_RGB);
        chart.paint(image.createGraphics(), chart.getWidth(), chart.getHeight()); // it has no coordinates before
    }

    /** A point, which is not to be covered; with an empty label, that is all. */
    void addPoint(String label, double x, double y) {
        Point point = at(label, x, y);
        take(point, POINT);
        if (!label.isEmpty()) {
            points.add(point);
        }
    }

    /** A straight line, with its label somewhere along it, on one side. */
    void addLine(String label, double[] x, double[] y, Side side) {
        Point from = at(label, x[0], y[0]);
        Point to = at(label, x[1], y[1]);
        for (int step = 0; step <= STEPS; step++) {
            take(between(from, to, (double) step / STEPS), LINE);
        }
        lines.add(new Line(
                side,
                Arrays.stream(PARTS).mapToObj(part -> between(from, to, part)).toList()));
    }

    private static Point between(Point from, Point to, double part) {
        return new Point(from.label, from.x + part * (to.x - from.x), from.y + part * (to.y - from.y));
    }

    private Point at(String label, double x, double y) {
        return new Point(label, chart.getScreenXFromChart(x), chart.getScreenYFromChart(y));
    }

    private void take(Point point, double half) {
        taken.add(new Rectangle2D.Double(point.x - half, point.y - half, 2 * half, 2 * half));
    }

    List<AnnotationText> place() {
        List<AnnotationText> annotations = new ArrayList<>();
        for (Line line : lines) {
            annotations.add(annotation(line.anchors.getFirst().label, line.anchors, line.side));
        }
        List<Point> left = new ArrayList<>(points);
        left.sort(Comparator.comparingDouble(Point::y));
        while (!left.isEmpty()) {
            Point first = left.getFirst();
            List<Point> together =
                    left.stream().filter(other -> first.distance(other) < NEAR).toList();
            left.removeAll(together);
            annotations.add(
                    annotation(common(together.stream().map(Point::label).toList()), List.of(first), Side.ANY));
        }
        return annotations;
    }

    /** What the labels say together, the first word and the number of threads only once if they share them. */
    private static String common(List<String> labels) {
        String first = labels.getFirst();
        String prefix = first.substring(0, first.indexOf(' ') + 1);
        String suffix = first.endsWith(Trial.ONE_THREAD) ? Trial.ONE_THREAD : "";
        if (labels.size() == 1
                || !labels.stream().allMatch(label -> label.startsWith(prefix) && label.endsWith(suffix))) {
            return String.join(", ", labels);
        }
        List<String> middles = labels.stream()
                .map(label -> label.substring(prefix.length(), label.length() - suffix.length()))
                .toList();
        return prefix + String.join(", ", middles) + suffix;
    }

    private AnnotationText annotation(String text, List<Point> anchors, Side side) {
        Rectangle2D place = free(text, anchors, side);
        taken.add(place);
        return new AnnotationText(text, place.getCenterX(), chart.getHeight() - place.getCenterY(), true);
    }

    /** The first place around one of the anchors that is free, or else the one with the least in it. */
    private Rectangle2D free(String text, List<Point> anchors, Side side) {
        Rectangle2D bounds = font.getStringBounds(text, new FontRenderContext(null, true, true));
        Rectangle2D best = null;
        double least = Double.POSITIVE_INFINITY;
        for (double gap : GAPS) {
            for (Point anchor : anchors) {
                for (Rectangle2D place : around(anchor, side, gap, bounds.getWidth(), bounds.getHeight())) {
                    double covered = covered(place);
                    if (covered < least) {
                        least = covered;
                        best = place;
                    }
                }
            }
        }
        return best;
    }

    /** Places at some distance from a point, the most readable first. */
    private static List<Rectangle2D> around(Point point, Side side, double gap, double width, double height) {
        double right = point.x + gap;
        double left = point.x - gap - width;
        double above = point.y - gap - height;
        double below = point.y + gap;
        double middle = point.x - width / 2;
        double level = point.y - height / 2;
        double[][] higher = {{left, level}, {left, above + gap / 2}, {middle, above}};
        double[][] lower = {{right, level}, {right, below - gap / 2}, {middle, below}};
        double[][] all = {
            {right, level},
            {left, level},
            {middle, below},
            {middle, above},
            {right, below - gap / 2},
            {left, above + gap / 2},
            {right, above + gap / 2},
            {left, below - gap / 2},
            {point.x - width + gap, below},
            {point.x - width + gap, above}
        };
        double[][] corners =
                switch (side) {
                    case ABOVE -> higher;
                    case BELOW -> lower;
                    case ANY -> all;
                };
        return Arrays.stream(corners)
                .map(corner -> (Rectangle2D) new Rectangle2D.Double(corner[0], corner[1], width, height))
                .toList();
    }

    /** How much a label would cover, in square pixels; what sticks out of the picture counts most. */
    private double covered(Rectangle2D place) {
        double start = chart.getScreenXFromChart(chart.getStyler().getXAxisMin());
        double outside = Math.max(0, place.getMaxX() - chart.getWidth()) + Math.max(0, start - place.getMinX());
        double covered = outside * chart.getWidth();
        for (Rectangle2D other : taken) {
            if (place.intersects(other)) {
                Rectangle2D common = place.createIntersection(other);
                covered += common.getWidth() * common.getHeight();
            }
        }
        return covered;
    }
}
