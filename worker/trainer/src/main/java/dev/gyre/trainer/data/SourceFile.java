package dev.gyre.trainer.data;

import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A file, or an entry of a zip file, that holds one document or (JSONL) many. Not read yet.
 *
 * @param source index of its source in the job
 * @param name relative to its source, with {@code /}
 * @param file on disk; for an entry the zip file
 * @param entry name inside the zip file, or null
 * @param field key of the text in JSONL
 * @param bytes uncompressed size
 * @param version changes when the content does: modification time, or CRC of a zip entry
 */
record SourceFile(
    int source,
    String name,
    Path file,
    @Nullable String entry,
    String field,
    long bytes,
    long version) {

  boolean isJsonl() {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".jsonl") || lower.endsWith(".ndjson");
  }

  /** The file's name in messages. */
  String shown() {
    return entry == null ? file.toString() : file + "!/" + entry;
  }
}
