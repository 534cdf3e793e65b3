package dev.panhead.trainer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.panhead.format.DType;
import dev.panhead.format.Npy;
import dev.panhead.format.Safetensors;
import dev.panhead.reference.Numbers;
import dev.panhead.reference.Python;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The export command on the built jar. */
class ExportTest {

    private static final int VOCABULARY = 7;
    private static final int WIDTH = 5;

    @TempDir
    private Path folder;

    private PanheadJar jar;

    @BeforeEach
    void writeModels() throws IOException, InterruptedException {
        jar = PanheadJar.quick(folder);
        Files.createDirectories(folder.resolve("model"));
        Files.createDirectories(folder.resolve("half"));
        try (Arena arena = Arena.ofConfined()) {
            Matrix weight = new Numbers(1).matrix(arena, VOCABULARY, WIDTH, 1);
            Matrix bias = new Numbers(2).matrix(arena, 1, VOCABULARY, 1);
            LinkedHashMap<String, ReadableMatrix> tensors = new LinkedHashMap<>();
            tensors.put("encoder.weight", new Numbers(3).matrix(arena, 2, 2, 1e6f));
            tensors.put("lm_head.weight", weight);
            tensors.put("lm_head.bias", bias);
            Safetensors.write(folder.resolve("model/model.safetensors"), tensors, Map.of());
            tensors.clear();
            HalfMatrix half = HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, weight);
            tensors.put("lm_head.weight", half);
            tensors.put("lm_head.bias", HalfMatrix.of(arena, HalfMatrix.Format.BFLOAT16, bias));
            Safetensors.write(folder.resolve("half/b.safetensors"), tensors, Map.of());
            tensors.clear();
            tensors.put("model.embed_tokens.weight", half);
            Safetensors.write(folder.resolve("tied.safetensors"), tensors, Map.of());
        }
        Files.writeString(
                folder.resolve("half/model.safetensors.index.json"),
                "{\"weight_map\":{\"lm_head.weight\":\"b.safetensors\",\"lm_head.bias\":\"b.safetensors\","
                        + "\"other\":\"not-downloaded.safetensors\"}}");
    }

    private Matrix weight(Arena arena) throws IOException {
        return Safetensors.open(folder.resolve("model/model.safetensors"), arena)
                .matrix("lm_head.weight", arena);
    }

    @Test
    void theHeadIsWrittenAsItIs() throws IOException, InterruptedException {
        String out = jar.run("export", "--model", "model", "--npy", "w.npy", "--safetensors", "head.safetensors")
                .succeeded()
                .out();
        assertTrue(out.contains("wrote lm_head.weight, 7 x 5 of F32, to w.npy"), out);
        assertTrue(out.contains("wrote lm_head.bias, 1 x 7 of F32, to head.safetensors"), out);
        try (Arena arena = Arena.ofConfined()) {
            int[] expected = Numbers.bits(weight(arena));
            assertArrayEquals(
                    expected,
                    Numbers.bits(Npy.open(folder.resolve("w.npy"), arena).matrix(arena)));
            Safetensors head = Safetensors.open(folder.resolve("head.safetensors"), arena);
            assertEquals(List.of("lm_head.weight", "lm_head.bias"), List.copyOf(head.names()));
            assertEquals(Map.of("format", "pt"), head.metadata());
            assertArrayEquals(expected, Numbers.bits(head.matrix("lm_head.weight", arena)));
            assertEquals(List.of((long) VOCABULARY), head.tensor("lm_head.bias").shape());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"BF16", "F16", "f32"})
    void theWeightIsRoundedAndTheBiasIsNot(String type) throws IOException, InterruptedException {
        jar.run("export", "--model", "model", "--safetensors", "head.safetensors", "--dtype", type)
                .succeeded();
        try (Arena arena = Arena.ofConfined()) {
            Safetensors head = Safetensors.open(folder.resolve("head.safetensors"), arena);
            assertEquals(
                    type.toUpperCase(java.util.Locale.ROOT),
                    head.tensor("lm_head.weight").type().name());
            assertEquals(DType.F32, head.tensor("lm_head.bias").type());
            Matrix weight = weight(arena);
            ReadableMatrix written = head.view("lm_head.weight", arena);
            for (int r = 0; r < VOCABULARY; r++) {
                for (int c = 0; c < WIDTH; c++) {
                    float exact = weight.get(r, c);
                    assertEquals(
                            written instanceof HalfMatrix half
                                    ? half.format().widen(half.format().narrow(exact))
                                    : exact,
                            written.get(r, c));
                }
            }
        }
    }

    @Test
    void aModelOfShardsOfWhichOneIsThereIsEnough() throws IOException, InterruptedException {
        jar.run("export", "--model", "half", "--npy", "w.npy", "--safetensors", "head.safetensors")
                .succeeded();
        try (Arena arena = Arena.ofConfined()) {
            Safetensors source = Safetensors.open(folder.resolve("half/b.safetensors"), arena);
            Safetensors head = Safetensors.open(folder.resolve("head.safetensors"), arena);
            assertEquals(DType.BF16, head.tensor("lm_head.weight").type());
            assertEquals(
                    -1,
                    source.tensor("lm_head.weight")
                            .data()
                            .mismatch(head.tensor("lm_head.weight").data()));
            assertEquals(DType.F32, head.tensor("lm_head.bias").type());
            assertEquals(DType.F32, Npy.open(folder.resolve("w.npy"), arena).dtype());
        }
        jar.run("export", "--model", "half", "--tensor", "other", "--npy", "other.npy")
                .failed(1, "index.json names the file", "not-downloaded.safetensors, which is missing");
        assertFalse(Files.exists(folder.resolve("other.npy")));
    }

    @Test
    void anotherTensorKeepsItsName() throws IOException, InterruptedException {
        jar.run("export", "--model", "tied.safetensors", "--npy", "w.npy")
                .failed(1, "tied.safetensors: there is no tensor lm_head.weight", "--tensor model.embed_tokens.weight");
        jar.run("export", "--model", "model", "--tensor", "nonsense", "--npy", "w.npy")
                .failed(1, "no tensor nonsense among [encoder.weight, lm_head.weight, lm_head.bias]");
        String[] tied = {
            "export", "--model", "tied.safetensors", "--tensor", "model.embed_tokens.weight", "--safetensors", "e.st"
        };
        jar.run(tied).succeeded();
        try (Arena arena = Arena.ofConfined()) {
            Safetensors head = Safetensors.open(folder.resolve("e.st"), arena);
            assertEquals(List.of("model.embed_tokens.weight"), List.copyOf(head.names()));
        }
    }

    @Test
    void nothingIsReplacedUnlessThatIsAskedFor() throws IOException, InterruptedException {
        Files.writeString(folder.resolve("w.npy"), "mine");
        jar.run("export", "--model", "model", "--safetensors", "head.safetensors", "--npy", "w.npy")
                .failed(1, "--npy w.npy is there already", "--overwrite");
        assertEquals("mine", Files.readString(folder.resolve("w.npy")));
        assertFalse(Files.exists(folder.resolve("head.safetensors")), "half of what was asked for");
        jar.run("export", "--model", "model", "--npy", "w.npy", "--overwrite").succeeded();
        assertTrue(Files.size(folder.resolve("w.npy")) > VOCABULARY * WIDTH * 4);
        byte[] model = Files.readAllBytes(folder.resolve("model/model.safetensors"));
        jar.run("export", "--model", "model", "--safetensors", "model/model.safetensors", "--overwrite")
                .failed(1, "model.safetensors is the model itself");
        assertArrayEquals(model, Files.readAllBytes(folder.resolve("model/model.safetensors")));
    }

    @Test
    void numbersThatDoNotFitAreNamed() throws IOException, InterruptedException {
        jar.run("export", "--model", "model", "--tensor", "encoder.weight", "--npy", "w.npy", "--dtype", "F16")
                .failed(1, "model: tensor encoder.weight holds ", " at [0, 0], more than F16 can hold");
        assertFalse(Files.exists(folder.resolve("w.npy")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--model model|2|--npy FILE or --safetensors FILE",
                "--npy w.npy --dtype BF16|2|cannot hold BF16",
                "--npy w.npy --dtype F64|2|F64",
                "--npy same --safetensors ./same|2|the same file",
                "--model nowhere --npy w.npy|1|nowhere: there is no such file",
                "--model model --npy missing/w.npy|1|there is no folder",
                "--model model --npy model|1|--npy model is a folder",
                "--model model/model.safetensors --npy /|1|--npy / is a folder"
            })
    void wrongArgumentsAreNamed(String test) throws IOException, InterruptedException {
        String[] parts = test.split("\\|");
        jar.run(("export " + parts[0]).split(" ")).failed(Integer.parseInt(parts[1]), parts[2]);
        try (var files = Files.list(folder)) {
            assertTrue(files.noneMatch(file -> file.toString().matches(".*(npy|tmp|same)")));
        }
    }

    @Test
    void theHelpHasAnExample() throws IOException, InterruptedException {
        assertTrue(jar.run("export", "--help").succeeded().out().contains("Example: panhead export"));
        assertTrue(jar.run("--help").succeeded().out().contains("export"));
    }

    @Test
    void numpyReadsTheSameNumbers() throws IOException, InterruptedException {
        Python.assumeNumpy(folder);
        for (String type : List.of("F32", "BF16", "F16")) {
            jar.run("export", "--model", "model", "--safetensors", type + ".safetensors", "--dtype", type)
                    .succeeded();
        }
        jar.run("export", "--model", "model", "--npy", "F32.npy").succeeded();
        jar.run("export", "--model", "model", "--npy", "F16.npy", "--dtype", "F16")
                .succeeded();
        String printed = Python.run(folder, """
                import json, struct
                import numpy as np
                def read(name):
                    data = open(name, 'rb').read()
                    size, = struct.unpack('<Q', data[:8])
                    header = json.loads(data[8:8 + size])
                    assert header.pop('__metadata__') == {'format': 'pt'} and size % 8 == 0
                    types = {'F32': '<f4', 'F16': '<f2', 'BF16': '<u2'}
                    tensors = {}
                    for tensor, entry in header.items():
                        start, end = (8 + size + n for n in entry['data_offsets'])
                        type = np.dtype(types[entry['dtype']])
                        assert start % type.itemsize == 0
                        array = np.frombuffer(data[start:end], type).reshape(entry['shape'])
                        if entry['dtype'] == 'BF16':
                            array = (array.astype('<u4') << 16).view('<f4')
                        tensors[tensor] = array
                    return tensors
                model = read('F32.safetensors')
                weight, bias = model['lm_head.weight'], model['lm_head.bias']
                bits = weight.view('<u4').astype('u8')
                nearest = ((bits + 0x7fff + (bits >> 16 & 1)) >> 16 << 16).astype('<u4').view('<f4')
                for type, expected in ('F32', weight), ('F16', weight.astype('<f2')), ('BF16', nearest):
                    tensors = read(type + '.safetensors')
                    assert (tensors['lm_head.weight'] == expected).all() and expected.shape == (7, 5)
                    assert (tensors['lm_head.bias'] == bias).all() and bias.dtype == np.float32 and bias.shape == (7,)
                assert np.abs(weight).min() > 0 and not (nearest == weight).all()
                loaded = np.load('F32.npy')
                assert loaded.dtype == np.float32 and (loaded.view('<u4') == weight.view('<u4')).all()
                half = np.load('F16.npy')
                assert half.dtype == np.float16 and (half == weight.astype('<f2')).all()
                print(' '.join('%08x' % word for word in loaded.view('<u4').ravel()))
                """);
        try (Arena arena = Arena.ofConfined()) {
            StringBuilder expected = new StringBuilder();
            for (int bits : Numbers.bits(weight(arena))) {
                expected.append(String.format("%08x ", bits));
            }
            assertEquals(expected.toString().strip(), printed.strip());
        }
    }
}
