package dev.gyre.trainer.data;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * A document, read and tokenized.
 *
 * @param textBytes its UTF-8 size before tokenizing
 * @param tokens little-endian, {@code tokenWidth} bytes each
 * @param labelled tokens whose next token is a label; null for all
 */
record EncodedDocument(
    int source, String name, int textBytes, byte[] tokens, @Nullable BitSet labelled) {}
