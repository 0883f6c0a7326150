package dev.gyre.kernels.workload;

import static dev.gyre.kernels.workload.ProductWorkloads.bytes;

import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;

/**
 * Linear attention with decay over one document. Each token and head does two products with the D ×
 * D state forward (4·D² FLOPs) and five backward (10·D²); the work inside tiles is not counted.
 */
final class LinearAttentionWorkloads {
  /** A token's contribution to the state halves in about eleven tokens. */
  private static final float SLOPE = 0.0625f;

  private LinearAttentionWorkloads() {}

  private record Row(
      Tensor q_THD, Tensor k_TKD, Tensor v_TKD, Tensor state_HDD, DecayPattern pattern) {
    static Row of(Operands o, Sizes s) {
      Sizes.Attention a = s.attention();
      int[] kvHeadOf = new int[a.heads()];
      float[] slopes = new float[a.heads()];
      for (int h = 0; h < kvHeadOf.length; h++) {
        kvHeadOf[h] = h * a.kvHeads() / a.heads();
        slopes[h] = SLOPE * (h + 1);
      }
      return new Row(
          o.compute(a.queries(), a.heads(), a.headDim()),
          o.compute(a.queries(), a.kvHeads(), a.headDim()),
          o.compute(a.queries(), a.kvHeads(), a.headDim()),
          o.f32(a.heads(), a.headDim(), a.headDim()),
          new DecayPattern(kvHeadOf, slopes, new int[] {0}));
    }
  }

  /** FLOPs of one product with the state. */
  private static double flops(Sizes.Attention a) {
    return 2.0 * a.queries() * a.heads() * a.headDim() * a.headDim();
  }

  static Workload forward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Sizes.Attention a = s.attention();
    Row r = Row.of(o, s);
    Tensor out_THD = o.compute(a.queries(), a.heads(), a.headDim());
    return new Workload(
        a.toString(),
        2 * flops(a),
        bytes(r.q_THD, r.k_TKD, r.v_TKD, out_THD),
        () -> kernels.linearAttention(r.q_THD, r.k_TKD, r.v_TKD, r.pattern, r.state_HDD, out_THD));
  }

  static Workload state(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Row r = Row.of(o, s);
    return new Workload(
        s.attention().toString(),
        flops(s.attention()),
        bytes(r.k_TKD, r.v_TKD),
        () -> kernels.linearAttentionState(r.k_TKD, r.v_TKD, r.pattern, false, r.state_HDD));
  }

  static Workload backward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Sizes.Attention a = s.attention();
    Row r = Row.of(o, s);
    Tensor dOut_THD = o.compute(a.queries(), a.heads(), a.headDim());
    Tensor dState_HDD = o.f32(a.heads(), a.headDim(), a.headDim());
    Tensor dq_THD = o.f32(a.queries(), a.heads(), a.headDim());
    Tensor dk_TKD = o.f32(a.queries(), a.kvHeads(), a.headDim());
    Tensor dv_TKD = o.f32(a.queries(), a.kvHeads(), a.headDim());
    return new Workload(
        a.toString(),
        5 * flops(a),
        bytes(r.q_THD, r.k_TKD, r.v_TKD, dOut_THD) + 2 * bytes(dq_THD, dk_TKD, dv_TKD),
        () ->
            kernels.linearAttentionBackward(
                r.q_THD,
                r.k_TKD,
                r.v_TKD,
                r.pattern,
                r.state_HDD,
                dOut_THD,
                dState_HDD,
                dq_THD,
                dk_TKD,
                dv_TKD));
  }
}
