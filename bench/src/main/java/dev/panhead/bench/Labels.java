package dev.panhead.bench;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.knowm.xchart.AnnotationText;
import org.knowm.xchart.XYChart;

/** Labels of points and lines: points that fall together share one, and each is put where it covers the least. */
final class Labels {

    /** Points nearer than this, in pixels, share a label. */
    private static final double NEAR = 14;

    /** Distances from a point to its label that are tried. */
    private static final double[] GAPS = {8, 14, 22};

    /** Half the width of what a point and a line take up. */
    private static final double POINT = 5;

    private static final double LINE = 1.5;
    private static final int STEPS = 200;

    private record Point(String label, double x, double y) {
        double distance(Point other) {
            return Math.hypot(x - other.x, y - other.y);
        }
    }

    private final XYChart chart;
    private final Font font;
    private final List<Point> points = new ArrayList<>();
    private final List<Point> lines = new ArrayList<>();
    private final List<Rectangle2D> taken = new ArrayList<>();

    /** Labels of a chart whose axes and series are complete. */
    Labels(XYChart chart) {
        this.chart = chart;
        font = chart.getStyler().getAnnotationTextFont();
        BufferedImage image = new BufferedImage(chart.getWidth(), chart.getHeight(), BufferedImage.TYPE_INT_RGB);
        chart.paint(image.createGraphics(), chart.getWidth(), chart.getHeight()); // it has no coordinates before
    }

    void addPoint(String label, double x, double y) {
        Point point = at(label, x, y);
        points.add(point);
        take(point, POINT);
    }

    /** A line from corner to corner, with its label somewhere at its first stretch. */
    void addLine(String label, double[] x, double[] y) {
        for (int corner = 1; corner < x.length; corner++) {
            Point from = at(label, x[corner - 1], y[corner - 1]);
            Point to = at(label, x[corner], y[corner]);
            for (int step = 0; step <= STEPS; step++) {
                double part = (double) step / STEPS;
                take(new Point(label, from.x + part * (to.x - from.x), from.y + part * (to.y - from.y)), LINE);
            }
            if (corner == 1) {
                lines.add(new Point(label, from.x + (to.x - from.x) / 4, from.y + (to.y - from.y) / 4));
            }
        }
    }

    private Point at(String label, double x, double y) {
        return new Point(label, chart.getScreenXFromChart(x), chart.getScreenYFromChart(y));
    }

    private void take(Point point, double half) {
        taken.add(new Rectangle2D.Double(point.x - half, point.y - half, 2 * half, 2 * half));
    }

    List<AnnotationText> place() {
        List<AnnotationText> annotations = new ArrayList<>();
        List<Point> left = new ArrayList<>(points);
        left.sort(Comparator.comparingDouble(Point::y));
        while (!left.isEmpty()) {
            Point first = left.getFirst();
            List<Point> together =
                    left.stream().filter(other -> first.distance(other) < NEAR).toList();
            left.removeAll(together);
            annotations.add(
                    annotation(common(together.stream().map(Point::label).toList()), first));
        }
        for (Point line : lines) {
            annotations.add(annotation(line.label, line));
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

    private AnnotationText annotation(String text, Point point) {
        Rectangle2D place = free(text, point);
        taken.add(place);
        return new AnnotationText(text, place.getCenterX(), chart.getHeight() - place.getCenterY(), true);
    }

    /** The first place around a point that is free, or else the one with the least in it. */
    private Rectangle2D free(String text, Point point) {
        Rectangle2D bounds = font.getStringBounds(text, new FontRenderContext(null, true, true));
        double width = bounds.getWidth();
        double height = bounds.getHeight();
        Rectangle2D best = null;
        double least = Double.POSITIVE_INFINITY;
        for (double gap : GAPS) {
            double right = point.x + gap;
            double leftOf = point.x - gap - width;
            double below = point.y + gap / 2;
            double above = point.y - gap / 2 - height;
            double[][] corners = {
                {right, point.y - height / 2},
                {leftOf, point.y - height / 2},
                {right, below},
                {leftOf, above},
                {right, above},
                {leftOf, below},
                {point.x - width / 2, below + gap / 2},
                {point.x - width / 2, above - gap / 2},
                {point.x - width + gap, below + gap / 2},
                {point.x - width + gap, above - gap / 2}
            };
            for (double[] corner : corners) {
                Rectangle2D place = new Rectangle2D.Double(corner[0], corner[1], width, height);
                double covered = covered(place);
                if (covered < least) {
                    least = covered;
                    best = place;
                }
            }
        }
        return best;
    }

    /** How much a label would cover, in square pixels; what sticks out of the picture counts most. */
    private double covered(Rectangle2D place) {
        double outside = Math.max(0, place.getMaxX() - chart.getWidth()) + Math.max(0, -place.getMinX());
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
