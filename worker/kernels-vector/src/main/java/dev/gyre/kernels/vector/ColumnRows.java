package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** {@link dev.gyre.kernels.Kernels#copyColumns}. */
final class ColumnRows extends RowKernel {
  private Tensor from = NONE;
  private long fromColumn;
  private Tensor to = NONE;
  private long toColumn;
  private int columns;
  private boolean accumulate;

  ColumnRows(RowThreads threads) {
    super(threads);
  }

  void run(
      Tensor from, long fromColumn, Tensor to, long toColumn, long columns, boolean accumulate) {
    this.from = from;
    this.fromColumn = fromColumn;
    this.to = to;
    this.toColumn = toColumn;
    this.columns = Math.toIntExact(columns);
    this.accumulate = accumulate;
    over(to.rows(), 1, from.byteSize() < to.byteSize() ? from : to);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor from = this.from;
    Tensor to = this.to;
    int columns = this.columns;
    long at = first * from.width() + fromColumn;
    long into = first * to.width() + toColumn;
    long bytes = (long) columns * to.dtype().bytes();
    long buffer = scratch.reserve(2 * Scratch.bytes(columns));
    long sum = buffer + Scratch.bytes(columns);
    for (long r = first; r < end; r++, at += from.width(), into += to.width()) {
      if (accumulate) {
        long row = F32View.read(from, at, columns, buffer);
        VectorMove.add(row, F32View.read(to, into, columns, sum), columns);
        F32View.written(to, into, columns, sum);
      } else if (from.dtype() == to.dtype()) {
        long source = F32View.address(from, at);
        MemorySegment.copy(Simd.ALL, source, Simd.ALL, F32View.address(to, into), bytes);
      } else if (to.dtype() == DType.BF16) {
        VectorMove.toBf16(F32View.address(from, at), F32View.address(to, into), columns);
      } else {
        VectorMove.toF32(F32View.address(from, at), F32View.address(to, into), columns);
      }
    }
  }
}
