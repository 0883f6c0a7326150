package dev.gyre.kernels.workload;

import static dev.gyre.kernels.workload.ProductWorkloads.bytes;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;

/** Causal attention over one document, and the kernels around it. */
final class AttentionWorkloads {
  private AttentionWorkloads() {}

  /** The operands that forward and backward share; the softmax begins empty. */
  private record Causal(
      Tensor q_THD,
      Tensor k_TKD,
      Tensor v_TKD,
      Tensor out_THD,
      Tensor lse_TH,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      double flops,
      String shape) {
    static Causal of(Operands o, Sizes s) {
      Sizes.Attention a = s.attention();
      int n = a.queries();
      int[] kvHeadOf = new int[a.heads()];
      for (int h = 0; h < kvHeadOf.length; h++) {
        kvHeadOf[h] = h * a.kvHeads() / a.heads();
      }
      return new Causal(
          o.compute(n, a.heads(), a.headDim()),
          o.compute(n, a.kvHeads(), a.headDim()),
          o.compute(n, a.kvHeads(), a.headDim()),
          o.f32(n, a.heads(), a.headDim()),
          o.f32(n, a.heads()),
          kvHeadOf,
          new AttentionTiles.Builder().add(0, n, 0, n, 0, AttentionTiles.UNLIMITED).build(),
          (float) (1 / Math.sqrt(a.headDim())),
          a.flops(),
          a.toString());
    }

    /**
     * An empty row is out = 0, lse = −∞; lse = −∞ gives the old out no weight, so it need not be
     * cleared.
     */
    void forward(Kernels kernels) {
      kernels.fill(lse_TH, Float.NEGATIVE_INFINITY);
      kernels.attention(q_THD, k_TKD, v_TKD, kvHeadOf, tiles, scale, out_THD, lse_TH);
    }
  }

  static Workload attention(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Causal c = Causal.of(o, s);
    double bytes = bytes(c.q_THD, c.k_TKD, c.v_TKD, c.out_THD, c.lse_TH);
    return new Workload(c.shape, c.flops, bytes, () -> c.forward(kernels));
  }

  static Workload attentionBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Causal c = Causal.of(o, s);
    Sizes.Attention a = s.attention();
    Tensor dOut_THD = o.compute(a.queries(), a.heads(), a.headDim());
    Tensor delta_TH = o.f32(a.queries(), a.heads());
    Tensor dq_THD = o.f32(a.queries(), a.heads(), a.headDim());
    Tensor dk_TKD = o.f32(a.queries(), a.kvHeads(), a.headDim());
    Tensor dv_TKD = o.f32(a.queries(), a.kvHeads(), a.headDim());
    c.forward(kernels);
    kernels.attentionDelta(c.out_THD, dOut_THD, delta_TH);
    double bytes =
        bytes(c.q_THD, c.k_TKD, c.v_TKD, dOut_THD, c.lse_TH, delta_TH)
            + 2 * bytes(dq_THD, dk_TKD, dv_TKD);
    return new Workload(
        c.shape,
        2.5 * c.flops,
        bytes,
        () ->
            kernels.attentionBackward(
                c.q_THD,
                c.k_TKD,
                c.v_TKD,
                c.kvHeadOf,
                c.tiles,
                c.scale,
                dOut_THD,
                c.lse_TH,
                delta_TH,
                dq_THD,
                dk_TKD,
                dv_TKD));
  }

  static Workload attentionMerge(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    long heads = s.width() / s.attention().headDim();
    Tensor outB_THD = o.f32(s.rows(), heads, s.attention().headDim());
    Tensor lseB_TH = o.f32(s.rows(), heads);
    Tensor out_THD = o.f32(s.rows(), heads, s.attention().headDim());
    Tensor lse_TH = o.f32(s.rows(), heads);
    return new Workload(
        RowWorkloads.shape(s.rows(), s.width()),
        0,
        bytes(outB_THD, lseB_TH) + 2 * bytes(out_THD, lse_TH),
        () -> kernels.attentionMerge(outB_THD, lseB_TH, out_THD, lse_TH));
  }

  static Workload attentionSinks(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    long heads = s.width() / s.attention().headDim();
    Tensor sinks_H = o.f32(heads);
    Tensor out_THD = o.f32(s.rows(), heads, s.attention().headDim());
    Tensor lse_TH = o.f32(s.rows(), heads);
    return new Workload(
        RowWorkloads.shape(s.rows(), s.width()),
        0,
        bytes(sinks_H) + 2 * bytes(out_THD, lse_TH),
        () -> kernels.attentionSinks(sinks_H, out_THD, lse_TH));
  }

  static Workload attentionSinksBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    long heads = s.width() / s.attention().headDim();
    Tensor sinks_H = o.f32(heads);
    Tensor lse_TH = o.f32(s.rows(), heads);
    Tensor delta_TH = o.f32(s.rows(), heads);
    Tensor dsinks_H = o.f32(heads);
    return new Workload(
        RowWorkloads.shape(s.rows(), heads),
        0,
        bytes(sinks_H, lse_TH, delta_TH, dsinks_H, dsinks_H),
        () -> kernels.attentionSinksBackward(sinks_H, lse_TH, delta_TH, dsinks_H));
  }

  static Workload attentionDelta(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    long heads = s.width() / s.attention().headDim();
    Tensor out_THD = o.f32(s.rows(), heads, s.attention().headDim());
    Tensor dOut_THD = o.compute(s.rows(), heads, s.attention().headDim());
    Tensor delta_TH = o.f32(s.rows(), heads);
    return new Workload(
        RowWorkloads.shape(s.rows(), s.width()),
        0,
        bytes(out_THD, dOut_THD, delta_TH),
        () -> kernels.attentionDelta(out_THD, dOut_THD, delta_TH));
  }
}
