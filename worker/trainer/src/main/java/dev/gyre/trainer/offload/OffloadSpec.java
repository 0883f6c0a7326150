package dev.gyre.trainer.offload;

import java.nio.file.Path;

/**
 * Where a rank offloads activations.
 *
 * @param folder on a disk; made if it is not there
 * @param expectedBytes predicted peak of a micro-batch; that much free space is required before the
 *     first step
 */
public record OffloadSpec(Path folder, long expectedBytes) {
  public OffloadSpec {
    if (expectedBytes < 0) {
      throw new IllegalArgumentException("offload of " + expectedBytes + " bytes");
    }
  }
}
