package dev.gyre.kernels.vector;

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
    int half = Math.toIntExact(table.dim(2));
    int rotated = 2 * half;
    long buffer = scratch.reserve(Scratch.bytes(rotated));
    for (long t = first; t < end; t++) {
      long cos = table.address() + 4 * t * rotated;
      for (int h = 1; h <= heads; h++) {
        long at = (t * heads + h) * size - rotated;
        long tail = F32View.read(x, at, rotated, buffer);
        VectorRows.rope(tail, cos, cos + 4L * half, half, sign);
        F32View.written(x, at, rotated, buffer);
      }
    }
  }

  /**
   * {@link dev.gyre.kernels.Kernels#ropeTable}. Scalar code, because it runs once per step and
   * angles need double.
   */
  static void table(Tensor positions, double[] frequencies, double scale, Tensor table) {
    int half = frequencies.length;
    for (long t = 0; t < positions.dim(0); t++) {
      int position = Simd.index(positions, t);
      long cos = table.address() + 8 * t * half;
      long sin = cos + 4L * half;
      for (int i = 0; i < half; i++) {
        double angle = position * frequencies[i];
        Simd.set(cos + 4L * i, (float) (scale * StrictMath.cos(angle)));
        Simd.set(sin + 4L * i, (float) (scale * StrictMath.sin(angle)));
      }
    }
  }
}
