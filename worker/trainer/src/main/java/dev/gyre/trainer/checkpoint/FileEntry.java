package dev.gyre.trainer.checkpoint;

/**
 * A file of a checkpoint as its rank wrote it.
 *
 * @param name inside the checkpoint's folder
 * @param bytes size
 * @param sha256 of the whole file, hexadecimal
 */
public record FileEntry(String name, long bytes, String sha256) {
  public FileEntry {
    if (name.isEmpty() || name.contains("/") || name.contains("\\") || name.startsWith(".")) {
      throw new IllegalArgumentException("'" + name + "' is not the name of a checkpoint's file");
    }
  }
}
