package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Remembers the first part of the model whose output has a value that is not finite. */
final class FiniteCheck {
  private final Backend backend;
  private final Workspace workspace;
  private @Nullable String found;

  FiniteCheck(Backend backend, Workspace workspace) {
    this.backend = backend;
    this.workspace = workspace;
  }

  void look(Tensor x, String where) {
    if (found != null) {
      return;
    }
    long mark = workspace.scratchMark();
    Tensor sum = workspace.scratch(DType.F64, 1);
    backend.kernels().fill(sum, 0f);
    backend.kernels().sumSquares(x, sum);
    backend.hostReads(sum);
    if (!Double.isFinite(sum.segment().get(ValueLayout.JAVA_DOUBLE, 0))) {
      found = where;
    }
    workspace.releaseScratch(mark);
  }

  /** Null if everything was finite. */
  @Nullable String found() {
    return found;
  }
}
