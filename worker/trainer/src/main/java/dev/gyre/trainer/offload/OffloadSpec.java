package dev.gyre.trainer.offload;

import java.nio.file.Path;

/**
 * Where a rank's activations wait for backward.
 *
 * @param folder on a disk; made if it is not there
 * @param expectedBytes most that a micro-batch is predicted to put there; asked for up front
 */
public record OffloadSpec(Path folder, long expectedBytes) {
  public OffloadSpec {
    if (expectedBytes < 0) {
      throw new IllegalArgumentException("offload of " + expectedBytes + " bytes");
    }
  }
}
