package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#attentionDelta}. */
final class AttentionDeltaRows extends RowKernel {
  private Tensor out = NONE;
  private Tensor dOut = NONE;
  private Tensor delta = NONE;

  AttentionDeltaRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor out, Tensor dOut, Tensor delta) {
    this.out = out;
    this.dOut = dOut;
    this.delta = delta;
    over(delta.elements(), 1, out);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor out = this.out;
    Tensor dOut = this.dOut;
    Tensor delta = this.delta;
    int size = Math.toIntExact(out.dim(2));
    long rowBytes = Scratch.bytes(size);
    long lanes = scratch.reserve(2 * rowBytes + Scratch.bytes(Simd.LANES));
    long left = lanes + Scratch.bytes(Simd.LANES);
    for (long row = first; row < end; row++) {
      long a = F32View.read(out, row * size, size, left);
      long b = F32View.read(dOut, row * size, size, left + rowBytes);
      Simd.set(delta.address() + 4 * row, VectorMove.dot(a, b, size, lanes));
    }
  }
}
