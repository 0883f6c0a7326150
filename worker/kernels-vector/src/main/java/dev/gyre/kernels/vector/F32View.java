package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * Runs of a compute tensor as F32: in place if the tensor is F32, through a buffer if it is BF16.
 */
final class F32View {
  private F32View() {}

  static long address(Tensor t, long index) {
    return t.address() + index * t.dtype().bytes();
  }

  /**
   * Address of {@code count} elements from {@code index} on in F32: in the tensor, or in {@code
   * buffer}.
   */
  static long read(Tensor t, long index, int count, long buffer) {
    if (t.dtype() == DType.F32) {
      return address(t, index);
    }
    VectorMove.toF32(address(t, index), buffer, count);
    return buffer;
  }

  /** Address at which to compute {@code count} elements in F32 before {@link #written}. */
  static long target(Tensor t, long index, long buffer) {
    return t.dtype() == DType.F32 ? address(t, index) : buffer;
  }

  /** Stores the elements computed at {@link #target} in the tensor. */
  static void written(Tensor t, long index, int count, long buffer) {
    if (t.dtype() == DType.BF16) {
      VectorMove.toBf16(buffer, address(t, index), count);
    }
  }
}
