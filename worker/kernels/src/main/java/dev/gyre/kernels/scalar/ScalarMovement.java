package dev.gyre.kernels.scalar;

import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.MovementKernels;
import dev.gyre.kernels.Tensor;

/** Filling, copying, adding and indexing rows and columns. Shapes as in {@link Kernels}. */
final class ScalarMovement implements MovementKernels {
  @Override
  public void fill(Tensor x, float value) {
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.set(x, i, value);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    if (from.dtype() == to.dtype()) {
      HostAccess.copyBytes(from.address(), to.address(), from.byteSize());
      return;
    }
    for (long i = 0; i < from.elements(); i++) {
      HostAccess.set(to, i, HostAccess.get(from, i));
    }
  }

  @Override
  public void add(Tensor x, Tensor into) {
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.add(into, i, HostAccess.get(x, i));
    }
  }

  @Override
  public void scale(Tensor x, float factor) {
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.set(x, i, HostAccess.get(x, i) * factor);
    }
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    long rowBytes = table.dim(1) * table.dtype().bytes();
    for (long i = 0; i < out.dim(0); i++) {
      int from = HostAccess.index(indices, i);
      KernelChecks.index("indices", i, from, table.dim(0));
      long to = out.address() + i * rowBytes;
      if (from < 0) {
        HostAccess.zeroBytes(to, rowBytes);
      } else {
        HostAccess.copyBytes(table.address() + from * rowBytes, to, rowBytes);
      }
    }
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    long width = table.dim(1);
    for (long i = 0; i < rows.dim(0); i++) {
      int to = HostAccess.index(indices, i);
      KernelChecks.index("indices", i, to, table.dim(0));
      for (long c = 0; to >= 0 && c < width; c++) {
        HostAccess.add(table, to * width + c, HostAccess.get(rows, i * width + c));
      }
    }
  }

  @Override
  public void copyColumns(
      Tensor from, long fromColumn, Tensor to, long toColumn, long columns, boolean accumulate) {
    for (long row = 0; row < to.rows(); row++) {
      for (long j = 0; j < columns; j++) {
        double value = HostAccess.get(from, row * from.width() + fromColumn + j);
        long at = row * to.width() + toColumn + j;
        HostAccess.set(to, at, accumulate ? HostAccess.get(to, at) + value : value);
      }
    }
  }
}
