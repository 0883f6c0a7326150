package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#rope}, and the table it reads. */
final class RopeRows extends RowKernel {
  private Tensor x = NONE;
  private Tensor table = NONE;
  private float sign;

  RopeRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor x, Tensor table, boolean inverse) {
    this.x = x;
    this.table = table;
    sign = inverse ? -1 : 1;
    over(x.dim(0), 1, x);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor x = this.x;
    Tensor table = this.table;
    int heads = Math.toIntExact(x.dim(1));
    int size = Math.toIntExact(x.dim(2));
    long buffer = scratch.reserve(Scratch.bytes(size));
    for (long t = first; t < end; t++) {
      long cos = table.address() + 4 * t * size;
      for (int h = 0; h < heads; h++) {
        long at = (t * heads + h) * size;
        long head = F32View.read(x, at, size, buffer);
        VectorRows.rope(head, cos, cos + 2L * size, size / 2, sign);
        F32View.written(x, at, size, buffer);
      }
    }
  }

  /**
   * {@link dev.gyre.kernels.Kernels#ropeTable}. Scalar code, because it runs once per step and
   * angles need double.
   */
  static void table(Tensor positions, double theta, Tensor table, Scratch scratch) {
    int half = Math.toIntExact(table.dim(2));
    long frequencies = scratch.reserve(8L * half);
    for (int i = 0; i < half; i++) {
      double frequency = StrictMath.pow(theta, -(double) i / half);
      Simd.ALL.set(JAVA_DOUBLE_UNALIGNED, frequencies + 8L * i, frequency);
    }
    for (long t = 0; t < positions.dim(0); t++) {
      int position = Simd.index(positions, t);
      long cos = table.address() + 8 * t * half;
      long sin = cos + 4L * half;
      for (int i = 0; i < half; i++) {
        double angle = position * Simd.ALL.get(JAVA_DOUBLE_UNALIGNED, frequencies + 8L * i);
        Simd.set(cos + 4L * i, (float) StrictMath.cos(angle));
        Simd.set(sin + 4L * i, (float) StrictMath.sin(angle));
      }
    }
  }
}
