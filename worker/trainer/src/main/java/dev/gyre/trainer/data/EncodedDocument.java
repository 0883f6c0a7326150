package dev.gyre.trainer.data;

/**
 * A document, read and tokenized.
 *
 * @param textBytes its UTF-8 size before tokenizing
 * @param tokens little-endian, {@code tokenWidth} bytes each
 */
record EncodedDocument(int source, String name, int textBytes, byte[] tokens) {}
