package dev.gyre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

final class WorkspaceTest {
  /** A slab's size comes from a plan, which counts bytes without regard to alignment. */
  @Test
  void tensorsAreAlignedAtBothEndsWhateverTheSize() {
    for (long size = 1024; size < 1024 + 2 * Workspace.ALIGNMENT_BYTES; size++) {
      Workspace workspace = new Workspace(4096, size);
      for (int n = 0; n < 3; n++) {
        assertEquals(0, workspace.save(DType.F32, 5).address() % Workspace.ALIGNMENT_BYTES);
        Tensor top = workspace.scratch(DType.F64, 1);
        assertEquals(0, top.address() % Workspace.ALIGNMENT_BYTES, "of a slab of " + size);
      }
    }
  }

  @Test
  void theUnalignedRestIsNotGivenOut() {
    Workspace workspace = new Workspace(4096, 127);
    assertEquals(64, workspace.sizeBytes());
    assertEquals(4096, workspace.scratch(DType.I32, 16).address());
    assertThrows(WorkspaceFullException.class, () -> workspace.save(DType.I32, 1));
  }
}
