package dev.panhead.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.format.Safetensors;
import dev.panhead.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TensorFilesTest {

    @TempDir
    private Path folder;

    private Arena arena;

    @BeforeEach
    void openArena() {
        arena = Arena.ofConfined();
    }

    @AfterEach
    void closeArena() {
        arena.close();
    }

    private Path write(String file, Object... tensors) throws IOException {
        LinkedHashMap<String, Matrix> matrices = new LinkedHashMap<>();
        for (int i = 0; i < tensors.length; i += 2) {
            matrices.put((String) tensors[i], Matrix.of(arena, 1, 1, (Integer) tensors[i + 1]));
        }
        Path path = folder.resolve(file);
        Files.createDirectories(path.getParent());
        Safetensors.write(path, matrices, Map.of());
        return path;
    }

    private Path index(String json) throws IOException {
        return Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }

    private static void refused(Executable reading, String... reasons) {
        String message = assertThrows(IOException.class, reading).getMessage();
        for (String reason : reasons) {
            assertTrue(message.contains(reason), message);
        }
        assertEquals(1, message.lines().count(), message);
    }

    @Test
    void aFileIsItself() throws IOException {
        TensorFiles files = TensorFiles.open(write("a.safetensors", "x", 1, "y", 2), arena);
        assertEquals(List.of("x", "y"), List.copyOf(files.names()));
        assertTrue(files.has("y"));
        assertFalse(files.has("z"));
        assertEquals(2, files.view("y").get(0, 0));
        assertEquals(folder.resolve("a.safetensors"), files.file("x").path());
        refused(() -> files.view("z"), "a.safetensors", "no tensor z among [x, y]");
    }

    @Test
    void aFolderIsAllItsFilesInOrder() throws IOException {
        write("b.safetensors", "y", 2, "twice", 3);
        write("a.safetensors", "x", 1, "twice", 4);
        write(".hidden.safetensors", "hidden", 5);
        Files.writeString(folder.resolve("notes.txt"), "no tensors");
        TensorFiles files = TensorFiles.open(folder, arena);
        assertEquals(List.of("x", "twice", "y"), List.copyOf(files.names()));
        assertEquals(List.of(folder.resolve("a.safetensors"), folder.resolve("b.safetensors")), files.paths());
        assertEquals(2, files.all().size());
        assertEquals(1, files.view("x").get(0, 0));
        assertEquals(2, files.view("y").get(0, 0));
        refused(() -> files.view("twice"), "tensor twice", "a.safetensors", "b.safetensors");
        refused(() -> files.file("z"), folder.toString(), "no tensor z among [x, twice, y]");
    }

    @Test
    void inAFolderTheWholeModelComesFirstAndThenTheIndex() throws IOException {
        write("one.safetensors", "x", 1);
        write("two.safetensors", "x", 2);
        assertEquals(2, TensorFiles.open(folder, arena).paths().size());
        index("{\"weight_map\": {\"x\": \"two.safetensors\"}}");
        assertEquals(2, TensorFiles.open(folder, arena).view("x").get(0, 0));
        write("model.safetensors", "x", 3);
        assertEquals(3, TensorFiles.open(folder, arena).view("x").get(0, 0));
    }

    @Test
    void aFolderWithTwoIndexesOrWithoutTensorsIsRefused() throws IOException {
        refused(() -> TensorFiles.open(folder, arena), "no .safetensors file in the folder " + folder);
        index("{\"weight_map\": {}}");
        Files.writeString(folder.resolve("other.safetensors.index.json"), "{\"weight_map\": {}}");
        refused(() -> TensorFiles.open(folder, arena), "more than one index", "other.safetensors.index.json");
        assertThrows(NoSuchFileException.class, () -> TensorFiles.open(folder.resolve("none"), arena));
        assertThrows(NoSuchFileException.class, () -> TensorFiles.open(folder.resolve("none.json"), arena));
    }

    @Test
    void anIndexOpensOnlyWhatIsAskedFor() throws IOException {
        write("a.safetensors", "x", 1);
        write("deep/b.safetensors", "y", 2);
        write("wrong.safetensors", "other", 2);
        Files.writeString(folder.resolve("broken.safetensors"), "this is no file of tensors");
        Path index = index("""
                {"metadata": {"total_size": 12, "more": [{"weight_map": 1}]},
                 "weight_map": {"y": "deep/b.safetensors", "x": "a.safetensors", "m": "missing.safetensors",
                                "w": "wrong.safetensors", "b": "broken.safetensors"}}
                """);
        for (Path path : List.of(index, folder)) {
            TensorFiles files = TensorFiles.open(path, arena);
            assertEquals(List.of("y", "x", "m", "w", "b"), List.copyOf(files.names()));
            assertEquals(1, files.view("x").get(0, 0));
            assertEquals(2, files.view("y").get(0, 0));
            assertTrue(files.has("m"));
            refused(() -> files.view("m"), index.toString(), "missing.safetensors, which is missing");
            refused(() -> files.view("w"), index.toString(), "tensor w is in", "wrong.safetensors, but it is not");
            refused(() -> files.view("b"), "broken.safetensors: ");
            refused(() -> files.view("z"), index.toString(), "no tensor z among");
            refused(files::all, "broken.safetensors: ");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../a.safetensors",
                "deep/../../a.safetensors",
                "deep/../a.safetensors",
                "/etc/passwd",
                "..",
                ".",
                "",
                " ",
                "a\\u0000.safetensors"
            })
    void aShardOutsideTheIndexsFolderIsRefusedByName(String name) throws IOException {
        write("a.safetensors", "x", 1);
        Path index = index("{\"weight_map\":\n{\"x\": \"" + name + "\"}}");
        refused(
                () -> TensorFiles.open(index, arena),
                index + ": line 2: tensor x is said to be in \"" + name.replace("\\u0000", "\0") + "\"");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            `` | line 1: expected a JSON object
            [] | line 1: expected a JSON object
            {} | line 1: there is no weight_map
            {"weight_map": 3} | weight_map is not an object
            {"weight_map": {"x": 3}} | the file of tensor x is not a string
            {"weight_map": {"x": {"y": "z"}}} | the file of tensor x is not a string
            {"weight_map": {"x": "a", "x": "b"}} | Duplicate field 'x'
            {"weight_map": {"x": "a"}} {} | expected nothing behind
            {"weight_map": {"x": "a" | line 1: Unexpected end
            {"weight_map": {"x": "a"}, "weight_map": {}} | Duplicate field 'weight_map'
            {"metadata": [[[ | line 1: Unexpected end
            """)
    void brokenIndexes(String json, String reason) throws IOException {
        Path index = index(json);
        refused(() -> TensorFiles.open(index, arena), index + ": line ", reason);
    }

    @Test
    void aBrokenIndexIsNamedWithItsLine() throws IOException {
        Path index = index("{\n\"weight_map\": {\n\"x\": a}\n}");
        refused(() -> TensorFiles.open(index, arena), index + ": line 3: ");
        index("[".repeat(1 << 20));
        refused(() -> TensorFiles.open(index, arena), index + ": line 1: ");
        index("{\"a\":" + "[".repeat(1 << 20));
        refused(() -> TensorFiles.open(index, arena), index + ": line 1: ");
    }
}
