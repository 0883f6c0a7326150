package dev.gyre.trainer.data;

/**
 * A file that gave documents.
 *
 * @param source index of its source in the job
 * @param name inside its source
 * @param bytes its size
 * @param sha256 of its documents' tokens, in hexadecimal: equal text, equal hash
 */
public record StoredFile(int source, String name, long bytes, String sha256) {}
