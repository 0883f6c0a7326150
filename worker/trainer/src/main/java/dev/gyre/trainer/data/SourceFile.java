package dev.gyre.trainer.data;

import java.nio.file.Path;

/**
 * A file, or an entry of a zip file, that holds one document or (JSONL) many. Found, not yet read;
 * small, as there may be millions.
 *
 * @param place where it lies, shared by all files of a source
 * @param entry whether it is an entry of the zip file {@code place.root()}
 * @param path relative to {@code place.root()}, with {@code /}; of an entry its name there
 * @param bytes uncompressed size; -1 if a zip file does not say
 * @param version changes when the content does: time of modification, or CRC of a zip entry
 */
record SourceFile(Place place, boolean entry, String path, long bytes, long version) {
  /** Most files of a dataset: each takes about 150 bytes of heap. */
  static final int LIMIT = 1 << 21;

  /**
   * What the files found in one folder or zip file share.
   *
   * @param source index of it in the job
   * @param root a folder; for entries the zip file
   * @param prefix of the names, before {@code path}: {@code docs.zip!/}, or empty
   * @param field key of the text in JSONL
   * @param joined whether all files of a folder make one document
   */
  record Place(int source, Path root, String prefix, String field, boolean joined) {}

  int source() {
    return place.source();
  }

  /** Relative to its source. */
  String name() {
    return place.prefix().isEmpty() ? path : place.prefix() + path;
  }

  /** The folder in {@link #name}, with a slash at its end; empty for the source's own folder. */
  String folder() {
    return name().substring(0, name().lastIndexOf('/') + 1);
  }

  Path file() {
    return entry ? place.root() : place.root().resolve(path);
  }

  boolean isJsonl() {
    return pathEndsWith(".jsonl") || pathEndsWith(".ndjson");
  }

  private boolean pathEndsWith(String extension) {
    int from = path.length() - extension.length();
    return path.regionMatches(true, from, extension, 0, extension.length());
  }

  /** The file's name in messages. */
  String shown() {
    return entry ? place.root() + "!/" + path : file().toString();
  }
}
