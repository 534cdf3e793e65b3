package dev.panhead.trainer.cli;

import dev.panhead.format.DType;
import dev.panhead.format.Npy;
import dev.panhead.format.Safetensors;
import dev.panhead.tensor.HalfMatrix;
import dev.panhead.tensor.Matrix;
import dev.panhead.tensor.ReadableMatrix;
import dev.panhead.trainer.data.TensorFiles;
import dev.panhead.trainer.model.LanguageModel;
import dev.panhead.trainer.model.ModelFolder;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Option;

/** {@code export}: a head for other programs. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = "Writes a model's head to files that NumPy and Hugging Face's libraries read.",
        footer = {"", "Example: panhead export --model model --safetensors head.safetensors --dtype BF16"})
final class ExportCommand implements Callable<Integer> {

    /** The types that a weight can be written in. */
    enum WeightType {
        F32,
        BF16,
        F16
    }

    private static final String WEIGHT = ".weight";
    private static final String BIAS = ".bias";

    @Option(
            names = "--model",
            paramLabel = "PATH",
            defaultValue = "panhead-model",
            description = "The model: a folder, a .safetensors file or an index of shards.",
            showDefaultValue = Help.Visibility.ALWAYS)
    private Path model;

    @Option(
            names = "--tensor",
            paramLabel = "NAME",
            defaultValue = LanguageModel.HEAD_WEIGHT,
            description = "The weight to write.",
            showDefaultValue = Help.Visibility.ALWAYS)
    private String tensor;

    @Option(names = "--npy", paramLabel = "FILE", description = "Write the weight alone, for numpy.load.")
    private Path npy;

    @Option(
            names = "--safetensors",
            paramLabel = "FILE",
            description = "Write the weight and, if there is one, its bias (as F32), by their names.")
    private Path safetensors;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description =
                    "F32, BF16 or F16; by default the weight's own, but for one of BF16 in a .npy file, which has it as F32.")
    private WeightType dtype;

    @Option(names = "--overwrite", description = "Replace files that are there.")
    private boolean overwrite;

    @Override
    public Integer call() throws Exception {
        if (npy == null && safetensors == null) {
            throw new UsageException("name a file to write: --npy FILE or --safetensors FILE");
        }
        if (npy != null && dtype == WeightType.BF16) {
            throw new UsageException("a .npy file cannot hold BF16: with --npy, --dtype is F32 or F16");
        }
        if (npy != null && safetensors != null && whole(npy).equals(whole(safetensors))) {
            throw new UsageException("--npy and --safetensors name the same file " + npy);
        }
        try (Arena arena = Arena.ofShared()) {
            TensorFiles files = TensorFiles.open(model, arena);
            requirePlace("--npy", npy, files);
            requirePlace("--safetensors", safetensors, files);
            requireTensor(files);
            ReadableMatrix weight = convert(files.view(tensor), arena);
            if (npy != null) {
                Npy.write(npy, weight);
                DType type = DType.of(weight) == DType.F16 ? DType.F16 : DType.F32;
                System.out.println("wrote " + tensor + ", " + describe(weight, type) + ", to " + npy);
            }
            if (safetensors != null) {
                writeSafetensors(files, weight, arena);
            }
            bends(files)
                    .forEach((name, value) -> System.out.println(
                            "its logits have a " + name + " of " + value + ": whoever uses the weight must apply it"
                                    + (safetensors == null ? "" : "; the safetensors metadata say so")));
        }
        return 0;
    }

    /** What the file of the weight says of a cap and a scale of the logits. */
    private Map<String, String> bends(TensorFiles files) throws IOException {
        Map<String, String> bends = new LinkedHashMap<>(files.file(tensor).metadata());
        bends.keySet().retainAll(ModelFolder.BENDS);
        return bends;
    }

    private static Path whole(Path path) {
        return path.toAbsolutePath().normalize();
    }

    private void requirePlace(String option, Path file, TensorFiles files) throws IOException {
        if (file == null) {
            return;
        }
        Path folder = file.toAbsolutePath().getParent();
        if (Files.isDirectory(file)) {
            throw new IOException(option + " " + file + " is a folder: name a file");
        }
        if (!Files.isDirectory(folder)) {
            throw new IOException(option + " " + file + ": there is no folder " + folder);
        }
        if (Files.exists(file)) {
            for (Path source : files.paths()) {
                if (Files.exists(source) && Files.isSameFile(source, file)) {
                    throw new IOException(option + " " + file + " is the model itself: name another file");
                }
            }
            if (!overwrite) {
                throw new IOException(option + " " + file + " is there already; --overwrite replaces it");
            }
        }
    }

    /** Says where the head might be, if it is not there and the model keeps it as its embeddings. */
    private void requireTensor(TensorFiles files) throws IOException {
        if (files.has(tensor)) {
            return;
        }
        for (String name : files.names()) {
            if (name.endsWith("embed_tokens.weight") || name.endsWith("wte.weight")) {
                throw new IOException(model + ": there is no tensor " + tensor
                        + "; if the head is tied to the embeddings, it is --tensor " + name);
            }
        }
    }

    private ReadableMatrix convert(ReadableMatrix weight, Arena arena) throws IOException {
        return switch (dtype) {
            case null -> weight;
            case F32 -> floats(weight, arena);
            case BF16 -> halves(weight, HalfMatrix.Format.BFLOAT16, arena);
            case F16 -> halves(weight, HalfMatrix.Format.FLOAT16, arena);
        };
    }

    private static Matrix floats(ReadableMatrix weight, Arena arena) {
        return switch (weight) {
            case Matrix floats -> floats;
            case HalfMatrix halves -> halves.toMatrix(arena);
        };
    }

    private HalfMatrix halves(ReadableMatrix weight, HalfMatrix.Format format, Arena arena) throws IOException {
        if (weight instanceof HalfMatrix halves && halves.format() == format) {
            return halves;
        }
        HalfMatrix rounded = HalfMatrix.of(arena, format, floats(weight, arena));
        for (int r = 0; r < weight.rows(); r++) {
            for (int c = 0; c < weight.columns(); c++) {
                if (Float.isInfinite(rounded.get(r, c)) && !Float.isInfinite(weight.get(r, c))) {
                    throw new IOException(model + ": tensor " + tensor + " holds " + weight.get(r, c) + " at [" + r
                            + ", " + c + "], more than " + dtype + " can hold");
                }
            }
        }
        return rounded;
    }

    private void writeSafetensors(TensorFiles files, ReadableMatrix weight, Arena arena) throws IOException {
        LinkedHashMap<String, ReadableMatrix> tensors = new LinkedHashMap<>();
        tensors.put(tensor, weight);
        String bias =
                tensor.endsWith(WEIGHT) ? tensor.substring(0, tensor.length() - WEIGHT.length()) + BIAS : tensor + BIAS;
        if (files.has(bias)) {
            tensors.put(bias, floats(files.view(bias), arena));
        }
        Map<String, String> metadata = new LinkedHashMap<>(bends(files));
        metadata.put("format", "pt");
        Safetensors.write(safetensors, tensors, metadata);
        tensors.forEach((name, matrix) -> System.out.println(
                "wrote " + name + ", " + describe(matrix, DType.of(matrix)) + ", to " + safetensors));
    }

    private static String describe(ReadableMatrix matrix, DType type) {
        return matrix.rows() + " x " + matrix.columns() + " of " + type;
    }
}
