package dev.panhead.trainer.report;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** The files that the page is made of. */
enum Asset {
    TEMPLATE("page.html"),
    STYLE("page.css"),
    SCRIPT("page.js"),
    UPLOT_SCRIPT("/META-INF/resources/webjars/uplot/1.6.30/dist/uPlot.iife.min.js"),
    UPLOT_STYLE("/META-INF/resources/webjars/uplot/1.6.30/dist/uPlot.min.css"),
    UPLOT_LICENCE("/META-INF/resources/webjars/uplot/1.6.30/LICENSE");

    private final String path;

    Asset(String path) {
        this.path = path;
    }

    /**
     * The content, its lines ended as a browser ends them.
     *
     * @throws IOException if the file is not there: the chart library is a jar of its own, outside the standalone one
     */
    String text() throws IOException {
        // a library's files are the class path's, even where this is a named module
        try (InputStream in = path.startsWith("/")
                ? Asset.class.getClassLoader().getResourceAsStream(path.substring(1))
                : Asset.class.getResourceAsStream(path)) {
            if (in == null) {
                throw new IOException("the page's part " + path + " is neither in the jar nor on the class path");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("\r\n", "\n");
        }
    }

    /** A content security policy that lets the page use this style and these scripts, and nothing else at all. */
    static String policy(String style, String... scripts) {
        StringBuilder policy = new StringBuilder("default-src 'none'; style-src " + digest(style) + "; script-src");
        for (String script : scripts) {
            policy.append(' ').append(digest(script));
        }
        return policy.append("; base-uri 'none'; form-action 'none'").toString();
    }

    private static String digest(String content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8));
            return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
