package dev.gyre.kernels.workload;

import static dev.gyre.kernels.workload.ProductWorkloads.bytes;
import static dev.gyre.kernels.workload.RowWorkloads.shape;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;

/** Routing: choosing experts, gathering rows for them and combining their outputs. */
final class RouterWorkloads {
  private RouterWorkloads() {}

  /** The routing of random logits. */
  private record Routed(
      Tensor logits_TE, Tensor probs_TE, Tensor lse_T, Tensor indices_Tk, Tensor weights_Tk) {
    static Routed of(Operands o, Sizes s) {
      return new Routed(
          o.f32(s.rows(), s.experts()),
          o.f32(s.rows(), s.experts()),
          o.f32(s.rows()),
          o.indices(new int[s.rows() * s.topK()], s.rows(), s.topK()),
          o.f32(s.rows(), s.topK()));
    }

    void route(Kernels kernels) {
      kernels.routeTopK(logits_TE, true, probs_TE, lse_T, indices_Tk, weights_Tk);
    }

    double size() {
      return bytes(logits_TE, probs_TE, lse_T, indices_Tk, weights_Tk);
    }
  }

  static Workload routeTopK(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Routed routed = Routed.of(o, s);
    return new Workload(
        shape(s.rows(), s.experts()), 0, routed.size(), () -> routed.route(kernels));
  }

  static Workload routeTopKBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Routed r = Routed.of(o, s);
    r.route(kernels);
    Tensor dWeights_Tk = o.f32(s.rows(), s.topK());
    Tensor probsGrad_E = o.f32(s.experts());
    Tensor dLogits_TE = o.f32(s.rows(), s.experts());
    return new Workload(
        shape(s.rows(), s.experts()),
        0,
        r.size() + bytes(dWeights_Tk),
        () ->
            kernels.routeTopKBackward(
                r.probs_TE,
                r.lse_T,
                r.indices_Tk,
                r.weights_Tk,
                true,
                dWeights_Tk,
                probsGrad_E,
                1e-3f,
                dLogits_TE));
  }

  /** The experts of {@link Sizes} are the groups, with as many experts each as in DeepSeek-V3. */
  private record Grouped(
      Tensor logits_TE,
      Tensor bias_E,
      int groups,
      Tensor scores_TE,
      Tensor indices_Tk,
      Tensor weights_Tk) {
    private static final int GROUP = 32;

    static Grouped of(Operands o, Sizes s) {
      long experts = (long) GROUP * s.experts();
      return new Grouped(
          o.f32(s.rows(), experts),
          o.f32(experts),
          s.experts(),
          o.f32(s.rows(), experts),
          o.indices(new int[s.rows() * s.topK()], s.rows(), s.topK()),
          o.f32(s.rows(), s.topK()));
    }

    void route(Kernels kernels) {
      int chosenGroups = (groups + 1) / 2;
      kernels.routeGroups(
          logits_TE, bias_E, groups, chosenGroups, true, 1, scores_TE, indices_Tk, weights_Tk);
    }

    String shape() {
      return RowWorkloads.shape(scores_TE.dim(0), scores_TE.dim(1)) + ", " + groups + " groups";
    }
  }

  static Workload routeGroups(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Grouped g = Grouped.of(o, s);
    return new Workload(
        g.shape(),
        0,
        bytes(g.logits_TE, g.bias_E, g.scores_TE, g.indices_Tk, g.weights_Tk),
        () -> g.route(kernels));
  }

  static Workload routeGroupsBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Grouped g = Grouped.of(o, s);
    g.route(kernels);
    Tensor dWeights_Tk = o.f32(s.rows(), s.topK());
    Tensor dLogits_TE = o.f32(s.rows(), g.scores_TE.dim(1));
    return new Workload(
        g.shape(),
        0,
        bytes(g.indices_Tk, g.weights_Tk, dWeights_Tk, dLogits_TE),
        () ->
            kernels.routeGroupsBackward(
                g.scores_TE, g.indices_Tk, true, 1, dWeights_Tk, dLogits_TE));
  }

  static Workload combineRows(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor rows_MW = o.compute((long) s.rows() * s.topK(), s.width());
    Tensor slots_Tk = slots(o, s);
    Tensor weights_Tk = o.f32(s.rows(), s.topK());
    Tensor out_TW = o.f32(s.rows(), s.width());
    return new Workload(
        routedShape(s),
        0,
        bytes(rows_MW, slots_Tk, weights_Tk, out_TW, out_TW),
        () -> kernels.combineRows(rows_MW, slots_Tk, weights_Tk, out_TW));
  }

  static Workload combineRowsBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dOut_TW = o.f32(s.rows(), s.width());
    Tensor rows_MW = o.compute((long) s.rows() * s.topK(), s.width());
    Tensor slots_Tk = slots(o, s);
    Tensor weights_Tk = o.f32(s.rows(), s.topK());
    Tensor dRows_MW = o.compute((long) s.rows() * s.topK(), s.width());
    Tensor dWeights_Tk = o.f32(s.rows(), s.topK());
    return new Workload(
        routedShape(s),
        0,
        bytes(dOut_TW, rows_MW, slots_Tk, weights_Tk, dRows_MW, dWeights_Tk),
        () ->
            kernels.combineRowsBackward(
                dOut_TW, rows_MW, slots_Tk, weights_Tk, dRows_MW, dWeights_Tk));
  }

  static Workload gatherRows(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor table_RW = o.compute(s.rows(), s.width());
    Tensor indices_M = scattered(o, s.rows());
    Tensor out_MW = o.compute(s.rows(), s.width());
    return new Workload(
        shape(s.rows(), s.width()),
        0,
        bytes(table_RW, indices_M, out_MW),
        () -> kernels.gatherRows(table_RW, indices_M, out_MW));
  }

  static Workload scatterAddRows(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor rows_MW = o.compute(s.rows(), s.width());
    Tensor indices_M = scattered(o, s.rows());
    Tensor table_RW = o.f32(s.rows(), s.width());
    return new Workload(
        shape(s.rows(), s.width()),
        0,
        bytes(rows_MW, indices_M, table_RW, table_RW),
        () -> kernels.scatterAddRows(rows_MW, indices_M, table_RW));
  }

  private static String routedShape(Sizes s) {
    return shape(s.rows(), s.width()) + ", top " + s.topK();
  }

  private static Tensor slots(Operands o, Sizes s) {
    int rows = s.rows() * s.topK();
    return scattered(o, rows).reshape(s.rows(), s.topK());
  }

  /** A permutation of the rows in scattered order, like the rows of an expert. */
  private static Tensor scattered(Operands o, int rows) {
    int[] indices = new int[rows];
    for (int i = 0; i < rows; i++) {
      // Multiples of a prime reach every remainder once.
      indices[i] = (int) (i * 1_000_003L % rows);
    }
    return o.indices(indices, rows);
  }
}
