package dev.gyre.kernels.workload;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;

/** Dense and grouped matrix products. */
final class ProductWorkloads {
  private ProductWorkloads() {}

  static Workload linear(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x_TI = o.compute(s.linear().rows(), s.linear().inputs());
    Tensor w_OI = o.compute(s.linear().outputs(), s.linear().inputs());
    Tensor y_TO = o.compute(s.linear().rows(), s.linear().outputs());
    return linears(s, bytes(x_TI, w_OI, y_TO), () -> kernels.linear(x_TI, w_OI, y_TO, false));
  }

  static Workload linearBackwardInput(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dy_TO = o.compute(s.linear().rows(), s.linear().outputs());
    Tensor w_OI = o.compute(s.linear().outputs(), s.linear().inputs());
    Tensor dx_TI = o.compute(s.linear().rows(), s.linear().inputs());
    return linears(
        s, bytes(dy_TO, w_OI, dx_TI), () -> kernels.linearBackwardInput(dy_TO, w_OI, dx_TI, false));
  }

  static Workload linearBackwardWeight(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dy_TO = o.compute(s.linear().rows(), s.linear().outputs());
    Tensor x_TI = o.compute(s.linear().rows(), s.linear().inputs());
    Tensor dw_OI = o.f32(s.linear().outputs(), s.linear().inputs());
    return linears(
        s,
        bytes(dy_TO, x_TI, dw_OI, dw_OI),
        () -> kernels.linearBackwardWeight(dy_TO, x_TI, dw_OI));
  }

  static Workload groupedLinear(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    int[] offsets = offsets(s);
    Tensor x_MI = o.compute(s.expertLinear().rows(), s.expertLinear().inputs());
    Tensor w_EOI = o.compute(s.experts(), s.expertLinear().outputs(), s.expertLinear().inputs());
    Tensor y_MO = o.compute(s.expertLinear().rows(), s.expertLinear().outputs());
    return grouped(
        s, bytes(x_MI, w_EOI, y_MO), () -> kernels.groupedLinear(x_MI, w_EOI, offsets, y_MO));
  }

  static Workload groupedLinearBackwardInput(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    int[] offsets = offsets(s);
    Tensor dy_MO = o.compute(s.expertLinear().rows(), s.expertLinear().outputs());
    Tensor w_EOI = o.compute(s.experts(), s.expertLinear().outputs(), s.expertLinear().inputs());
    Tensor dx_MI = o.compute(s.expertLinear().rows(), s.expertLinear().inputs());
    return grouped(
        s,
        bytes(dy_MO, w_EOI, dx_MI),
        () -> kernels.groupedLinearBackwardInput(dy_MO, w_EOI, offsets, dx_MI));
  }

  static Workload groupedLinearBackwardWeight(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    int[] offsets = offsets(s);
    Tensor dy_MO = o.compute(s.expertLinear().rows(), s.expertLinear().outputs());
    Tensor x_MI = o.compute(s.expertLinear().rows(), s.expertLinear().inputs());
    Tensor dw_EOI = o.f32(s.experts(), s.expertLinear().outputs(), s.expertLinear().inputs());
    return grouped(
        s,
        bytes(dy_MO, x_MI, dw_EOI, dw_EOI),
        () -> kernels.groupedLinearBackwardWeight(dy_MO, x_MI, offsets, dw_EOI));
  }

  private static Workload linears(Sizes s, double bytes, Runnable call) {
    return new Workload(s.linear().toString(), s.linear().flops(), bytes, call);
  }

  private static Workload grouped(Sizes s, double bytes, Runnable call) {
    String shape = s.expertLinear() + ", " + s.experts() + " experts";
    return new Workload(shape, s.expertLinear().flops(), bytes, call);
  }

  private static int[] offsets(Sizes s) {
    int[] offsets = new int[s.experts() + 1];
    for (int e = 0; e <= s.experts(); e++) {
      offsets[e] = (int) ((long) s.expertLinear().rows() * e / s.experts());
    }
    return offsets;
  }

  /** Bytes of all operands together. */
  static double bytes(Tensor... operands) {
    double bytes = 0;
    for (Tensor t : operands) {
      bytes += t.byteSize();
    }
    return bytes;
  }
}
