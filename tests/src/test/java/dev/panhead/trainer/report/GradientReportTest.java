package dev.panhead.trainer.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the page says of gradients that are not exact. */
class GradientReportTest {

    @TempDir
    private Path folder;

    private String page(Metrics metrics) throws IOException {
        Path html = folder.resolve("report.html");
        Report.write(metrics.write(folder.resolve("metrics.jsonl")), html, folder.resolve("loss.png"));
        return Files.readString(html).replace('\u00a0', ' ');
    }

    private static Metrics of(String mode) throws IOException {
        return new Metrics()
                .line("run", "options", Metrics.fields("gradient", mode))
                .line("step", "step", 1, "loss", 5, "gradient_density", 0.05, "kept_mass", 0.125)
                .line("step", "step", 20, "loss", 3, "gradient_density", 0.0005, "kept_mass", 0.875)
                .line("audit", "step", 20, "tokens", 8, "max_rel_error", 1e-7, "bound", 1e-5);
    }

    @Test
    void itHasTheModeAndChartsOfWhatWasMultiplied() throws IOException {
        String page = page(of("unbiased:2^-8"));
        assertTrue(page.contains("<th scope=\"row\">gradient</th><td>unbiased:2^-8</td>"), page);
        assertTrue(page.contains("exact gradients (those of the training are unbiased:2^-8), computed"), page);
        assertTrue(page.contains("Gradient density (% of the entries), logarithmic, by step. From 5 at step 1"), page);
        assertTrue(page.contains("Kept mass (% of the gradient) by step. From 12.5 at step 1 to 87.5"), page);
        assertTrue(page.contains("<td>0.0005</td><td>87.5 %</td>"), page);
        String hostile = page(of(Metrics.HOSTILE));
        assertEquals(3, hostile.split("<script", -1).length - 1);
        assertFalse(hostile.contains("<img"), hostile);
    }

    @Test
    void ofExactGradientsThereIsNothingToChart() throws IOException {
        String page = page(new Metrics()
                .line("run", "options", Metrics.fields("gradient", "exact"))
                .line("step", "step", 1, "loss", 5)
                .line("audit", "step", 1, "tokens", 8, "max_rel_error", 1e-7, "bound", 1e-5));
        assertTrue(page.contains("losses and gradients, computed"), page);
        assertFalse(page.contains("Gradient density") || page.contains("gradient density"), page);
        assertFalse(page.contains("Kept mass") || page.contains("kept mass"), page);
    }
}
