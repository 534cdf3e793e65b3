package dev.panhead.trainer.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An index of shards as Hugging Face writes it: {@code {"metadata": {...}, "weight_map": {"tensor": "file", ...}}}.
 *
 * @param path the index
 * @param files each tensor's file, in the index's folder or below, in the index's order; none need exist
 */
record ShardIndex(Path path, Map<String, Path> files) {

    private static final String WEIGHT_MAP = "weight_map";

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /**
     * Reads an index.
     *
     * @throws IOException if it is none, or names a file outside its folder: says which line
     */
    static ShardIndex read(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path);
                JsonParser json = JSON.createParser(in)) {
            Map<String, Path> files = null;
            require(json.nextToken() == JsonToken.START_OBJECT, path, json, "expected a JSON object");
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                boolean map = json.currentName().equals(WEIGHT_MAP);
                json.nextToken();
                if (map) {
                    files = readFiles(path, json);
                } else {
                    json.skipChildren();
                }
            }
            require(json.nextToken() == null, path, json, "expected nothing behind the JSON object");
            require(files != null, path, json, "there is no " + WEIGHT_MAP);
            return new ShardIndex(path, files);
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? 1 : e.getLocation().getLineNr();
            throw new IOException(path + ": line " + line + ": " + e.getOriginalMessage(), e);
        }
    }

    private static Map<String, Path> readFiles(Path path, JsonParser json) throws IOException {
        Map<String, Path> files = new LinkedHashMap<>();
        require(json.currentToken() == JsonToken.START_OBJECT, path, json, WEIGHT_MAP + " is not an object");
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String tensor = json.currentName();
            boolean text = json.nextToken() == JsonToken.VALUE_STRING;
            require(text, path, json, "the file of tensor " + tensor + " is not a string");
            Path file = inside(path, json.getText());
            require(
                    file != null,
                    path,
                    json,
                    "tensor " + tensor + " is said to be in \"" + json.getText()
                            + "\", which is no file in the index's folder");
            files.put(tensor, file);
        }
        return files;
    }

    /** The file of a name, or null if that leads out of the index's folder: another's index may open no other files. */
    private static Path inside(Path index, String name) {
        Path file;
        try {
            file = Path.of(name);
        } catch (InvalidPathException e) {
            return null;
        }
        boolean leaves = name.isBlank() || file.isAbsolute() || file.getRoot() != null;
        for (Path part : file) {
            leaves |= part.toString().equals("..") || part.toString().equals(".");
        }
        return leaves ? null : index.resolveSibling(file);
    }

    private static void require(boolean holds, Path path, JsonParser json, String message) throws IOException {
        if (!holds) {
            throw new IOException(path + ": line " + json.currentTokenLocation().getLineNr() + ": " + message);
        }
    }
}
