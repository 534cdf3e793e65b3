package dev.panhead.trainer.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The page in a browser, where there is one. The screenshots stay in {@code tests/target/report-screenshots}, to be looked at.
 *
 * <p>A browser's window has a least width, so the page is shown in a frame of a test page, which can also ask it questions.
 */
class ReportPageTest {

    private static final int SECONDS = 120;

    private static final Path SCREENSHOTS =
            Path.of(System.getProperty("panhead.root"), "tests", "target", "report-screenshots");

    private static final String QUESTIONS = """
            const page = document.querySelector('iframe');
            page.onload = () => {
              const inside = page.contentDocument;
              const answer = (name, value) => document.body.setAttribute('data-' + name, value);
              answer('client', inside.documentElement.clientWidth);
              answer('scroll', inside.documentElement.scrollWidth);
              answer('canvases', inside.querySelectorAll('.plot canvas').length);
              answer('colours', [...inside.querySelectorAll('.plot canvas')].map(canvas => {
                const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                const colours = new Set();
                for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] === 255) colours.add(
                  pixels[i] << 16 | pixels[i + 1] << 8 | pixels[i + 2]);
                return [0x0b63b0, 0xb35900, 0x6cb2f5, 0xf0a860].map(colour => colours.has(colour) ? 1 : 0).join('');
              }).join(' '));
              answer('readout', inside.querySelector('#loss .readout').textContent);
              inside.querySelector('input[value=seconds]').click();
              setTimeout(() => {
                const over = inside.querySelector('#loss .u-over');
                const box = over.getBoundingClientRect();
                const mouse = {bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + 9};
                over.dispatchEvent(new page.contentWindow.MouseEvent('mouseenter', mouse));
                over.dispatchEvent(new page.contentWindow.MouseEvent('mousemove', mouse));
                setTimeout(() => answer('moved', [...inside.querySelectorAll('.readout span:first-child')]
                  .map(place => place.textContent).join(' ')), 100);
              }, 100);
            };
            """;

    @TempDir
    private Path folder;

    private String browser;
    private int profiles;

    @BeforeEach
    void findBrowser() {
        browser = Stream.of("chromium", "chromium-browser", "google-chrome")
                .flatMap(name -> Stream.of(System.getenv("PATH").split(File.pathSeparator))
                        .map(place -> Path.of(place, name)))
                .filter(Files::isExecutable)
                .map(Path::toString)
                .findFirst()
                .orElse(null);
        assumeTrue(browser != null, "there is no Chromium on the path");
    }

    private Path page(String name, Metrics metrics) throws IOException {
        Path page = folder.resolve(name + ".html");
        Report.write(metrics.write(folder.resolve(name + ".jsonl")), page, folder.resolve(name + ".png"));
        return page;
    }

    /** Shows a page in a frame of this size, and asks it nothing or these questions. */
    private String open(Path page, int width, int height, boolean dark, String questions, String... output)
            throws IOException, InterruptedException {
        Path frame =
                Files.writeString(folder.resolve("frame.html"), """
                <!DOCTYPE html>
                <meta name="color-scheme" content="light dark">
                <style>body { margin: 0 } iframe { display: block; border: 0; width: %dpx; height: %dpx }</style>
                <iframe src="%s"></iframe>
                <script>%s</script>
                """.formatted(width, height, page.toUri(), questions));
        List<String> command = new ArrayList<>(List.of(
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--force-device-scale-factor=1",
                "--allow-file-access-from-files",
                "--user-data-dir=" + folder.resolve("profile" + profiles++),
                "--blink-settings=preferredColorScheme=" + (dark ? 0 : 1),
                "--virtual-time-budget=5000",
                "--window-size=" + Math.max(width, 600) + "," + height));
        command.addAll(List.of(output));
        command.add(frame.toUri().toString());
        Path out = folder.resolve("browser.out");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(Redirect.DISCARD)
                .start();
        if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
            throw new AssertionError("the browser did not end within " + SECONDS + " s");
        }
        return Files.readString(out);
    }

    private static String answer(String dom, String name) {
        Matcher answer =
                Pattern.compile("<body[^>]* data-" + name + "=\"([^\"]*)\"").matcher(dom);
        assertTrue(answer.find(), () -> "no answer to " + name + " in " + dom);
        return answer.group(1);
    }

    @ParameterizedTest
    @CsvSource({"1280, false", "1280, true", "390, false", "390, true", "320, false"})
    void chartsAreDrawnInTheColoursOfTheThemeAndNothingIsTooWide(int width, boolean dark)
            throws IOException, InterruptedException {
        String dom = open(page("text", Metrics.ofText()), width, 900, dark, QUESTIONS, "--dump-dom");
        assertEquals(Integer.toString(width), answer(dom, "client"));
        assertEquals(Integer.toString(width), answer(dom, "scroll"));
        assertEquals("6", answer(dom, "canvases"));
        String both = dark ? "0011" : "1100";
        String training = dark ? "0010" : "1000";
        String heldOut = dark ? "0001" : "0100";
        assertEquals(
                String.join(" ", both, both, heldOut, training, training, training), answer(dom, "colours"), "curves");
        assertEquals("training 1.335held out 1.395held out, whole 1.400", answer(dom, "readout"));
    }

    @Test
    void theAxisCanBeTimeAndTheCursorIsTheSameEverywhere() throws IOException, InterruptedException {
        String dom = open(page("text", Metrics.ofText()), 1280, 900, false, QUESTIONS, "--dump-dom");
        Matcher moved = Pattern.compile("(\\S+ seconds ?){6}").matcher(answer(dom, "moved"));
        assertTrue(moved.matches(), answer(dom, "moved"));
        for (String place : answer(dom, "moved").split(" seconds ?")) {
            assertEquals(30, Double.parseDouble(place), 2); // the middle of a minute; evaluations come every 3 s
        }
    }

    @ParameterizedTest
    @CsvSource({
        "text, 1280, false, 2900",
        "text, 1280, true, 2900",
        "text, 390, false, 4700",
        "text, 390, true, 4700",
        "hidden, 1280, false, 1300",
        "hidden, 390, true, 1600"
    })
    void thePageHasItsThemeFromEdgeToEdge(String name, int width, boolean dark, int height)
            throws IOException, InterruptedException {
        Path page = page(name, name.equals("text") ? Metrics.ofText() : Metrics.ofHiddenStates());
        Files.createDirectories(SCREENSHOTS);
        Path shot = SCREENSHOTS.resolve(name + "-" + width + (dark ? "-dark" : "-light") + ".png");
        Files.deleteIfExists(shot);
        open(page, width, height, dark, "", "--screenshot=" + shot);
        BufferedImage image = ImageIO.read(shot.toFile());
        int background = dark ? 0x14181d : 0xffffff;
        for (int y = 0; y < height; y += 7) {
            assertEquals(background, image.getRGB(0, y) & 0xffffff, "left edge at " + y);
            assertEquals(background, image.getRGB(width - 1, y) & 0xffffff, "right edge at " + y);
        }
        Map<Integer, Long> colours = ReportTest.colours(shot);
        assertTrue(colours.getOrDefault(dark ? 0xe6e9ed : 0x1f2328, 0L) > 1000, "text");
        assertTrue(colours.getOrDefault(dark ? 0x6cb2f5 : 0x0b63b0, 0L) > 100, "curves");
        assertTrue(colours.getOrDefault(dark ? 0x1c2229 : 0xf5f7f9, 0L) > 10_000, "tiles");
    }

    @Test
    void noScriptOfTheDataRuns() throws IOException, InterruptedException {
        String hostile = "<script>document.title = 'caught'</script><img src=x onerror=\"document.title = 'caught'\">";
        Path page = page(
                "hostile",
                new Metrics()
                        .line("run", "data", hostile, "options", Metrics.fields(hostile, hostile))
                        .line("step", "step", 1, "loss", 2.0)
                        .line("sample", "step", 1, "prompt", hostile, "text", hostile)
                        .line(
                                "hardest",
                                "step",
                                1,
                                "tokens",
                                List.of(Metrics.fields("target", hostile, "context", hostile))));
        String question = """
                document.querySelector('iframe').onload = event => {
                  const inside = event.target.contentDocument;
                  document.body.setAttribute('data-title', inside.title);
                  document.body.setAttribute('data-canvases', inside.querySelectorAll('canvas').length);
                };""";
        String dom = open(page, 800, 600, false, question, "--dump-dom");
        assertEquals("Panhead training report", answer(dom, "title"));
        assertEquals("1", answer(dom, "canvases"));
    }
}
