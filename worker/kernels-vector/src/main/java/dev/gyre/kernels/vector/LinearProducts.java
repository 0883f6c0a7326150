package dev.gyre.kernels.vector;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.LinearKernels;
import dev.gyre.kernels.Tensor;

/**
 * The linear kernels, dense and grouped, over {@link Products}. Callers have checked the shapes.
 */
final class LinearProducts implements LinearKernels {
  private final Products products;

  LinearProducts(Products products) {
    this.products = products;
  }

  /** y = x·wᵀ. */
  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    int in = size(x, 1);
    int out = size(w, 0);
    int flags = flags(x, y, accumulate) | Products.TRANSPOSE_B;
    products.multiply(
        flags, size(x, 0), out, in, x.address(), in, w.address(), in, y.address(), out);
  }

  /** dx = dy·w. */
  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    int in = size(w, 1);
    int out = size(w, 0);
    int flags = flags(dy, dx, accumulate);
    products.multiply(
        flags, size(dy, 0), in, out, dy.address(), out, w.address(), in, dx.address(), in);
  }

  /** dw += dyᵀ·x. */
  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    weightGradient(dy, x, 0, size(x, 0), size(dy, 1), size(x, 1), dw.address());
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    int in = size(x, 1);
    int out = size(w, 1);
    int flags = flags(x, y, false) | Products.TRANSPOSE_B;
    long weightBytes = (long) in * out * w.dtype().bytes();
    for (int e = 0; e + 1 < offsets.length; e++) {
      int first = offsets[e];
      long a = x.address() + (long) first * in * x.dtype().bytes();
      long b = w.address() + e * weightBytes;
      long c = y.address() + (long) first * out * y.dtype().bytes();
      products.multiply(flags, offsets[e + 1] - first, out, in, a, in, b, in, c, out);
    }
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    int in = size(w, 2);
    int out = size(w, 1);
    int flags = flags(dy, dx, false);
    long weightBytes = (long) in * out * w.dtype().bytes();
    for (int e = 0; e + 1 < offsets.length; e++) {
      int first = offsets[e];
      long a = dy.address() + (long) first * out * dy.dtype().bytes();
      long b = w.address() + e * weightBytes;
      long c = dx.address() + (long) first * in * dx.dtype().bytes();
      products.multiply(flags, offsets[e + 1] - first, in, out, a, out, b, in, c, in);
    }
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    int out = size(dy, 1);
    int in = size(x, 1);
    long gradientBytes = (long) in * out * Float.BYTES;
    for (int e = 0; e + 1 < offsets.length; e++) {
      int count = offsets[e + 1] - offsets[e];
      weightGradient(dy, x, offsets[e], count, out, in, dw.address() + e * gradientBytes);
    }
  }

  private void weightGradient(Tensor dy, Tensor x, int first, int count, int out, int in, long dw) {
    long a = dy.address() + (long) first * out * dy.dtype().bytes();
    long b = x.address() + (long) first * in * x.dtype().bytes();
    int bf16 = x.dtype() == DType.BF16 ? Products.BF16_IN : 0;
    int flags = Products.TRANSPOSE_A | Products.ACCUMULATE | bf16;
    products.multiply(flags, out, in, count, a, out, b, in, dw, in);
  }

  private static int flags(Tensor in, Tensor out, boolean accumulate) {
    return (in.dtype() == DType.BF16 ? Products.BF16_IN : 0)
        | (out.dtype() == DType.BF16 ? Products.BF16_OUT : 0)
        | (accumulate ? Products.ACCUMULATE : 0);
  }

  private static int size(Tensor t, int dim) {
    return Math.toIntExact(t.dim(dim));
  }
}
