package dev.panhead.trainer.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/** Reads plain text, more than memory can hold. */
public final class TokenReader {

    private TokenReader() {}

    /**
     * Reads files, folders (with what is below them; hidden files are passed over), {@code .gz} files and {@code .zip} archives
     * as one text, in the order given; those of a folder or an archive in the order of their names; {@code -} is standard input. Nothing stands between them.
     *
     * <p>The tokens go through a file in the system's temporary folder: a byte a token for bytes, four for others.
     *
     * @param tokenizer what to encode with
     * @param arena what the tokens live as long as; shared, if several threads are to read them
     * @throws TextException if a file is broken, or is not UTF-8 and the tokenizer not that of bytes: says which and where
     * @throws IOException if one cannot be read, or nothing is in them, or the temporary folder is full: says which
     */
    public static TokenData read(List<Path> paths, Tokenizer tokenizer, Arena arena) throws IOException {
        try (TokenWriter writer = new TokenWriter(tokenizer)) {
            switch (tokenizer) {
                case ByteTokenizer bytes -> SourceFiles.read(paths, (name, content) -> copy(content, writer));
                case BpeTokenizer pairs -> {
                    TextPieces pieces = new TextPieces(piece -> pairs.encodePiece(piece, writer));
                    SourceFiles.read(paths, pieces::append);
                    pieces.end();
                }
            }
            if (writer.size() == 0) {
                throw new IOException("there is no text in " + SourceFiles.describe(paths));
            }
            return TokenData.text(writer.map(arena), tokenizer);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static void copy(InputStream content, TokenWriter writer) throws IOException {
        byte[] bytes = new byte[1 << 16];
        for (int n = content.read(bytes); n >= 0; n = content.read(bytes)) {
            for (int i = 0; i < n; i++) {
                writer.accept(Byte.toUnsignedInt(bytes[i]));
            }
        }
    }
}
