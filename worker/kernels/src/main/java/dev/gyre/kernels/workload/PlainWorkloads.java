package dev.gyre.kernels.workload;

import static dev.gyre.kernels.workload.ProductWorkloads.bytes;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;

/** Elementwise kernels. */
final class PlainWorkloads {
  private PlainWorkloads() {}

  static Workload adamW(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor w = o.f32(s.parameters());
    Tensor m = o.f32(s.parameters());
    Tensor v = o.f32(s.parameters());
    kernels.fill(v, 1); // squares
    Tensor grad = o.f32(s.parameters());
    return plain(
        s,
        2 * bytes(w, m, v) + bytes(grad),
        () -> kernels.adamW(w, m, v, grad, 1, 1e-4f, 0.9f, 0.95f, 1e-8f, 0.1f, 1));
  }

  static Workload copy(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor from = o.f32(s.parameters());
    Tensor to = o.compute(s.parameters());
    return plain(s, bytes(from, to), () -> kernels.copy(from, to));
  }

  static Workload add(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.compute(s.parameters());
    Tensor into = o.f32(s.parameters());
    return plain(s, bytes(x, into, into), () -> kernels.add(x, into));
  }

  static Workload scale(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.f32(s.parameters());
    return plain(s, 2 * bytes(x), () -> kernels.scale(x, 1));
  }

  static Workload fill(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.f32(s.parameters());
    return plain(s, bytes(x), () -> kernels.fill(x, 1));
  }

  static Workload sum(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.f32(s.parameters());
    Tensor sum = o.f64();
    return plain(s, bytes(x), () -> kernels.sum(x, sum));
  }

  static Workload sumSquares(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.f32(s.parameters());
    Tensor sum = o.f64();
    return plain(s, bytes(x), () -> kernels.sumSquares(x, sum));
  }

  private static Workload plain(Sizes s, double bytes, Runnable call) {
    return new Workload(Integer.toString(s.parameters()), 0, bytes, call);
  }
}
