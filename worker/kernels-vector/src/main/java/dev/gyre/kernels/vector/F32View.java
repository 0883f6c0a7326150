package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;

/**
 * Runs of a compute tensor as F32: in place where they are, through a buffer where they are BF16.
 */
final class F32View {
  private F32View() {}

  static long address(Tensor t, long index) {
    return t.address() + index * t.dtype().bytes();
  }

  /** Address of {@code count} elements from {@code index} on in F32: theirs, or {@code buffer}. */
  static long read(Tensor t, long index, int count, long buffer) {
    if (t.dtype() == DType.F32) {
      return address(t, index);
    }
    VectorMove.toF32(address(t, index), buffer, count);
    return buffer;
  }

  /** Where to compute {@code count} elements in F32 before {@link #written}. */
  static long target(Tensor t, long index, long buffer) {
    return t.dtype() == DType.F32 ? address(t, index) : buffer;
  }

  /** Brings what was computed at {@link #target} into the tensor. */
  static void written(Tensor t, long index, int count, long buffer) {
    if (t.dtype() == DType.BF16) {
      VectorMove.toBf16(buffer, address(t, index), count);
    }
  }
}
