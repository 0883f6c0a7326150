package dev.gyre.kernels;

/** The step needs more memory than its workspace has. */
public final class WorkspaceFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  WorkspaceFullException(Tensor wanted, long sizeBytes, long savedBytes, long scratchBytes) {
    super(
        "workspace of %d bytes is full: %d saved, %d scratch, and %s needs %d more"
            .formatted(sizeBytes, savedBytes, scratchBytes, wanted, wanted.byteSize()));
  }
}
