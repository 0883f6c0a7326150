package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.MovementKernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.scalar.ScalarKernels;
import java.lang.foreign.MemorySegment;

/** Filling, copying, adding and indexing rows and columns, on host memory. */
final class HostMovement implements MovementKernels {
  /** Most elements of one call of a primitive, whose count is an int. */
  private static final int RUN = 1 << 20;

  private final Scratch scratch;
  private final AddRows add;
  private final ColumnRows copyColumns;
  private final MovementKernels scalar = ScalarKernels.create();

  HostMovement(RowThreads threads, Scratch scratch) {
    this.scratch = scratch;
    add = new AddRows(threads);
    copyColumns = new ColumnRows(threads);
  }

  @Override
  public void fill(Tensor x, float value) {
    if (x.dtype() == DType.F32) {
      for (long i = 0; i < x.elements(); i += RUN) {
        VectorMove.fill(F32View.address(x, i), run(x, i), value);
      }
    } else if (value == 0) {
      x.segment().fill((byte) 0);
    } else {
      scalar.fill(x, value);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    if (from.dtype() == to.dtype()) {
      MemorySegment.copy(Simd.ALL, from.address(), Simd.ALL, to.address(), from.byteSize());
    } else if (from.dtype() == DType.F32 && to.dtype() == DType.BF16) {
      for (long i = 0; i < from.elements(); i += RUN) {
        VectorMove.toBf16(F32View.address(from, i), F32View.address(to, i), run(from, i));
      }
    } else if (from.dtype() == DType.BF16 && to.dtype() == DType.F32) {
      for (long i = 0; i < from.elements(); i += RUN) {
        VectorMove.toF32(F32View.address(from, i), F32View.address(to, i), run(from, i));
      }
    } else {
      scalar.copy(from, to); // F64 is used for single sums only
    }
  }

  @Override
  public void add(Tensor x, Tensor into) {
    add.run(x, into);
  }

  @Override
  public void scale(Tensor x, float factor) {
    for (long i = 0; i < x.elements(); i += RUN) {
      VectorMove.scale(factor, F32View.address(x, i), F32View.address(x, i), run(x, i));
    }
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    long rowBytes = table.dim(1) * table.dtype().bytes();
    for (long i = 0; i < out.dim(0); i++) {
      int from = Simd.index(indices, i);
      KernelChecks.index("indices", i, from, table.dim(0));
      long to = out.address() + i * rowBytes;
      if (from < 0) {
        Simd.ALL.asSlice(to, rowBytes).fill((byte) 0);
      } else {
        MemorySegment.copy(Simd.ALL, table.address() + from * rowBytes, Simd.ALL, to, rowBytes);
      }
    }
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    int width = Math.toIntExact(table.dim(1));
    long buffer = scratch.reserve(Scratch.bytes(width));
    for (long i = 0; i < rows.dim(0); i++) {
      int to = Simd.index(indices, i);
      KernelChecks.index("indices", i, to, table.dim(0));
      if (to >= 0) {
        long row = F32View.read(rows, i * width, width, buffer);
        VectorMove.add(row, table.address() + 4L * to * width, width);
      }
    }
  }

  @Override
  public void copyColumns(
      Tensor from, long fromColumn, Tensor to, long toColumn, long columns, boolean accumulate) {
    copyColumns.run(from, fromColumn, to, toColumn, columns, accumulate);
  }

  private static int run(Tensor x, long from) {
    return (int) Math.min(RUN, x.elements() - from);
  }
}
