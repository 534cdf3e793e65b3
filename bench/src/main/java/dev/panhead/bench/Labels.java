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

/** Labels of points: those that fall together share one, and each is put where it covers nothing else. */
final class Labels {

    /** Points nearer than this, in pixels, share a label. */
    private static final double NEAR = 14;

    private static final double GAP = 9;

    private record Point(String label, double x, double y) {
        double distance(Point other) {
            return Math.hypot(x - other.x, y - other.y);
        }
    }

    private final XYChart chart;
    private final Font font;
    private final List<Point> points = new ArrayList<>();
    private final List<Rectangle2D> taken = new ArrayList<>();

    /** Labels of a chart whose axes and series are complete. */
    Labels(XYChart chart) {
        this.chart = chart;
        font = chart.getStyler().getAnnotationTextFont();
        BufferedImage image = new BufferedImage(chart.getWidth(), chart.getHeight(), BufferedImage.TYPE_INT_RGB);
        chart.paint(image.createGraphics(), chart.getWidth(), chart.getHeight()); // it has no coordinates before
    }

    void add(String label, double x, double y) {
        points.add(new Point(label, chart.getScreenXFromChart(x), chart.getScreenYFromChart(y)));
    }

    List<AnnotationText> place() {
        for (Point point : points) {
            taken.add(new Rectangle2D.Double(point.x - GAP / 2, point.y - GAP / 2, GAP, GAP));
        }
        List<AnnotationText> annotations = new ArrayList<>();
        List<Point> left = new ArrayList<>(points);
        left.sort(Comparator.comparingDouble(Point::y));
        while (!left.isEmpty()) {
            Point first = left.getFirst();
            List<Point> together =
                    left.stream().filter(other -> first.distance(other) < NEAR).toList();
            left.removeAll(together);
            String text = String.join(", ", together.stream().map(Point::label).toList());
            Rectangle2D place = free(text, first);
            taken.add(place);
            annotations.add(new AnnotationText(text, place.getCenterX(), chart.getHeight() - place.getCenterY(), true));
        }
        return annotations;
    }

    /** The first place around a point that is free, or else the one with the least in it. */
    private Rectangle2D free(String text, Point point) {
        Rectangle2D bounds = font.getStringBounds(text, new FontRenderContext(null, true, true));
        double width = bounds.getWidth();
        double height = bounds.getHeight();
        double middle = point.y - height / 2;
        double[][] corners = {
            {point.x + GAP, middle},
            {point.x - GAP - width, middle},
            {point.x - width / 2, point.y + GAP},
            {point.x - width / 2, point.y - GAP - height},
            {point.x + GAP / 2, point.y + GAP / 2},
            {point.x - GAP / 2 - width, point.y + GAP / 2},
            {point.x + GAP / 2, point.y - GAP / 2 - height},
            {point.x - GAP / 2 - width, point.y - GAP / 2 - height}
        };
        Rectangle2D best = null;
        double least = Double.POSITIVE_INFINITY;
        for (double[] corner : corners) {
            Rectangle2D place = new Rectangle2D.Double(corner[0], corner[1], width, height);
            double covered = covered(place);
            if (covered < least) {
                least = covered;
                best = place;
            }
        }
        return best;
    }

    /** How much a label would cover, in square pixels; what sticks out of the picture counts. */
    private double covered(Rectangle2D place) {
        double covered = place.getWidth() * Math.max(0, place.getMaxX() - chart.getWidth())
                + place.getWidth() * Math.max(0, -place.getMinX());
        for (Rectangle2D other : taken) {
            if (place.intersects(other)) {
                Rectangle2D common = place.createIntersection(other);
                covered += common.getWidth() * common.getHeight();
            }
        }
        return covered;
    }
}
