package dev.panhead.bench.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Functions of tensors in PyTorch's own language, for all those of its operations that DJL has no method for: the source is put into the
 * archive that {@code torch.jit.save} would write.
 */
final class TorchScript {

    private static final String MODULE = """
            class Function(Module):
              __parameters__ = []
              __buffers__ = []
              def forward(self: __torch__.Function, %s) -> Tensor:
            %s
            """;

    /** Pickled: a {@code __torch__.Function} without attributes. */
    private static final String OBJECT = "\u0080\2c__torch__\nFunction\n)\u0081}b.";

    /** Pickled: an empty tuple. */
    private static final String NO_CONSTANTS = "\u0080\2).";

    private static final String VERSION = "3\n";

    private TorchScript() {}

    /**
     * Evaluates a function, operation by operation, so that its gradients can be taken.
     *
     * @param body statements, the last of which returns a tensor
     * @param arguments by the names that the body has for them
     */
    static NDArray evaluate(NDManager manager, String body, Map<String, NDArray> arguments) throws IOException {
        JniUtils.setGraphExecutorOptimize(false);
        byte[] archive = archive(MODULE.formatted(parameters(arguments.keySet()), body.indent(4)));
        try (PtSymbolBlock function =
                JniUtils.loadModule((PtNDManager) manager, new ByteArrayInputStream(archive), false, false)) {
            return IValueUtils.forward(function, new NDList(arguments.values()), true)
                    .singletonOrThrow();
        }
    }

    private static String parameters(Collection<String> names) {
        return names.stream().map(name -> name + ": Tensor").collect(Collectors.joining(", "));
    }

    private static byte[] archive(String source) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            put(zip, "data.pkl", OBJECT);
            put(zip, "constants.pkl", NO_CONSTANTS);
            put(zip, "version", VERSION);
            put(zip, "code/__torch__.py", source);
        }
        return bytes.toByteArray();
    }

    private static void put(ZipOutputStream zip, String name, String content) throws IOException {
        zip.putNextEntry(new ZipEntry("function/" + name));
        zip.write(content.getBytes(StandardCharsets.ISO_8859_1)); // a character is a byte
        zip.closeEntry();
    }
}
