package dev.gyre.model.safetensors;

/**
 * A file that is not a complete, valid safetensors file. The message names the file and what is
 * wrong.
 */
public final class SafetensorsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SafetensorsException(Object file, String problem) {
    super(file + ": " + problem);
  }
}
