package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.util.Arrays;
import java.util.List;

/** Choosing experts and mixing their rows. */
final class RouterChecks {
  private static final double BOUND = 2e-6;

  /** Experts, groups, chosen groups and k; groups of one expert, all groups, all experts. */
  private static final int[][] GROUPS = {
    {1, 1, 1, 1},
    {8, 1, 1, 2},
    {8, 4, 2, 3},
    {16, 16, 5, 4},
    {12, 3, 1, 4},
    {30, 5, 5, 6},
    {33, 3, 2, 22},
    {64, 8, 3, 8},
    {256, 8, 4, 8},
    {257, 1, 1, 4},
    {8, 2, 1, 0}
  };

  private RouterChecks() {}

  static void addTo(List<Check> checks, DType dtype) {
    for (int tokens : new int[] {0, 1, 17}) {
      for (int experts : new int[] {1, 2, 8, 15, 16, 17, 31, 64, 257}) {
        for (int k = 1; k <= Math.min(experts, 4); k++) {
          int chosen = k;
          checks.add(
              new Check(
                  "routeTopK T=" + tokens + " E=" + experts + " k=" + k,
                  dtype,
                  c -> route(c, c.normal(DType.F32, 2, tokens, experts), chosen)));
        }
      }
      for (int width : new int[] {1, 15, 16, 17, 31, 33, 257, 4099}) {
        checks.add(
            new Check(
                "combineRows T=" + tokens + " W=" + width, dtype, c -> combine(c, tokens, width)));
      }
    }
    for (int tokens : new int[] {0, 1, 17}) {
      for (int[] of : GROUPS) {
        checks.add(
            new Check(
                "routeGroups T=%d E=%d in %d, %d chosen, k=%d"
                    .formatted(tokens, of[0], of[1], of[2], of[3]),
                dtype,
                c -> groups(c, c.normal(DType.F32, 2, tokens, of[0]), of)));
      }
    }
    checks.add(new Check("routeGroups of extremes", dtype, RouterChecks::extremeGroups));
    checks.add(new Check("routeTopK and routeGroups of NaN", dtype, RouterChecks::notANumber));
    checks.add(new Check("combineRows of NaN in no slot", dtype, RouterChecks::unusedRows));
    checks.add(new Check("routeTopK of extremes", dtype, RouterChecks::extremes));
  }

  /** Ties, where the lower expert wins; masked experts; scores that overflow exp. */
  private static void extremes(Case c) {
    float none = Float.NEGATIVE_INFINITY;
    float[] logits = {
      1, 1, 1, 1, 0, 2, 0, 2, none, 3, none, 3, 1e4f, -1e4f, 0, 9999, -1e4f, -1e4f, -1e4f, -9999
    };
    route(c, c.of(DType.F32, logits, 5, 4), 2);
  }

  private static void route(Case c, Tensor logits, int k) {
    c.input(logits);
    route(c, logits, k, true);
    route(c, logits, k, false);
  }

  private static void route(Case c, Tensor logits, int k, boolean renormalise) {
    String how = " renormalise " + renormalise;
    Routes mine = Routes.empty(c, logits, k);
    c.kernels().routeTopK(logits, renormalise, mine.probs, mine.lse, mine.indices, mine.weights);
    c.output("probs" + how, mine.probs, BOUND);
    c.output("lse" + how, mine.lse, BOUND);
    c.output("indices" + how, mine.indices, 0);
    c.output("weights" + how, mine.weights, BOUND);

    Routes r = Routes.empty(c, logits, k);
    c.twin().routeTopK(logits, renormalise, r.probs, r.lse, r.indices, r.weights);
    Tensor dWeights = c.input(c.normal(DType.F32, 1, logits.dim(0), k));
    Tensor probsGrad = c.input(c.normal(DType.F32, 1, logits.dim(1)));
    Tensor dLogits = c.filled(DType.F32, 9, logits.dim(0), logits.dim(1));
    c.kernels()
        .routeTopKBackward(
            r.probs, r.lse, r.indices, r.weights, renormalise, dWeights, probsGrad, 0.01f, dLogits);
    // The one expert's gradient through weights that are 1 is the rounding of a difference.
    if (renormalise || logits.dim(1) > 1) {
      c.output("dLogits" + how, dLogits, BOUND);
    }
  }

  /** Ties between experts and between groups; experts without a chance; scores of 0 and 1. */
  private static void extremeGroups(Case c) {
    float none = Float.NEGATIVE_INFINITY;
    float[] logits = {
      1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 0, 2, 2, 0, 0, 2, none, none, none, none, none, none, 3, none,
      1e4f, -1e4f, 0, 9999, -1e4f, -1e4f, -1e4f, -9999, none, none, none, none, none, none, none,
      none
    };
    groups(c, c.of(DType.F32, logits, 5, 8), new int[] {8, 4, 2, 4}, new float[8]);
    float[] bias = {0, 0, none, 0.5f, 0, 0, 0, -0.5f};
    groups(c, c.of(DType.F32, logits, 5, 8), new int[] {8, 4, 2, 3}, bias);
  }

  private static void groups(Case c, Tensor logits, int[] of) {
    float[] bias = new float[of[0]];
    for (int e = 0; e < bias.length; e++) {
      bias[e] = (float) c.random().nextGaussian() * 0.2f;
    }
    groups(c, logits, of, bias);
  }

  private static void groups(Case c, Tensor logits, int[] of, float[] biases) {
    long tokens = logits.dim(0);
    long experts = logits.dim(1);
    int k = of[3];
    Tensor bias = c.input(c.of(DType.F32, biases, experts));
    c.input(logits);
    for (boolean renormalise : new boolean[] {true, false}) {
      String how = " renormalise " + renormalise;
      Tensor scores = c.filled(DType.F32, 9, tokens, experts);
      Tensor indices = c.ints(new int[(int) tokens * k], tokens, k);
      Tensor weights = c.filled(DType.F32, 9, tokens, k);
      c.kernels()
          .routeGroups(logits, bias, of[1], of[2], renormalise, 2.5f, scores, indices, weights);
      c.output("scores" + how, scores, BOUND);
      c.output("indices" + how, indices, 0);
      c.output("weights" + how, weights, BOUND);
      Tensor s = c.filled(DType.F32, 9, tokens, experts);
      Tensor chosen = c.ints(new int[(int) tokens * k], tokens, k);
      c.twin()
          .routeGroups(
              logits,
              bias,
              of[1],
              of[2],
              renormalise,
              2.5f,
              s,
              chosen,
              c.filled(DType.F32, 9, tokens, k));
      Tensor dWeights = c.input(c.normal(DType.F32, 1, tokens, k));
      Tensor dLogits = c.filled(DType.F32, 9, tokens, experts);
      c.kernels()
          .routeGroupsBackward(c.input(s), c.input(chosen), renormalise, 2.5f, dWeights, dLogits);
      // A single renormalised weight is 1, and its gradient the rounding of a difference.
      if (k > 1 || !renormalise) {
        c.output("dLogits" + how, dLogits, BOUND);
      }
    }
  }

  /** Which experts a token with NaN gets is open, but they exist, and none is chosen twice. */
  private static void notANumber(Case c) {
    Tensor logits = c.normal(DType.F32, 1, 6, 24);
    for (int e = 0; e < 24; e++) {
      c.twin().fill(logits.get(0).slice(e, 1), Float.NaN);
      c.twin().fill(logits.get(1 + e % 5).slice(e, 1), Float.NaN);
    }
    Routes top = Routes.empty(c, logits, 5);
    c.kernels().routeTopK(logits, true, top.probs, top.lse, top.indices, top.weights);
    Tensor bias = c.filled(DType.F32, 0, 24);
    Routes r = Routes.empty(c, logits, 5);
    c.kernels().routeGroups(logits, bias, 4, 2, true, 1, r.probs, r.indices, r.weights);
    c.finish();
    for (Tensor indices : new Tensor[] {top.indices, r.indices}) {
      long[] chosen = Tensors.toLongs(indices);
      for (int t = 0; t < 6; t++) {
        long[] row = Arrays.copyOfRange(chosen, 5 * t, 5 * t + 5);
        long valid = Arrays.stream(row).filter(e -> e >= 0 && e < 24).distinct().count();
        if (valid != row.length) {
          throw new AssertionError("experts of NaN: " + Arrays.toString(row));
        }
      }
    }
  }

  private record Routes(Tensor probs, Tensor lse, Tensor indices, Tensor weights) {
    static Routes empty(Case c, Tensor logits, int k) {
      long tokens = logits.dim(0);
      return new Routes(
          c.filled(DType.F32, 9, tokens, logits.dim(1)),
          c.filled(DType.F32, 9, tokens),
          c.ints(new int[(int) tokens * k], tokens, k),
          c.filled(DType.F32, 9, tokens, k));
    }
  }

  /** Rows that no slot names, and weights of slots that name no row, may hold anything. */
  private static void unusedRows(Case c) {
    Tensor x = c.normal(c.dtype(), 1, 4, 33);
    c.twin().fill(x.slice(2, 1), Float.NaN);
    Tensor slots = c.input(c.ints(new int[] {3, -1, 0, 1}, 2, 2));
    Tensor weights = c.input(c.of(DType.F32, new float[] {1, Float.NaN, 2, 3}, 2, 2));
    Tensor out = c.normal(DType.F32, 1, 2, 33);
    c.kernels().combineRows(c.input(x), slots, weights, out);
    c.output("out", out, BOUND);
    Tensor dOut = c.input(c.normal(DType.F32, 1, 2, 33));
    Tensor dRows = c.filled(c.dtype(), 9, 4, 33);
    Tensor dWeights = c.filled(DType.F32, 9, 2, 2);
    c.kernels().combineRowsBackward(dOut, x, slots, weights, dRows, dWeights);
    c.output("dRows", dRows, BOUND);
    c.output("dWeights", dWeights, 3 * BOUND);
  }

  private static void combine(Case c, int tokens, int width) {
    int k = 3;
    int rows = tokens * k;
    int[] slot = new int[rows];
    for (int j = 0; j < rows; j++) {
      slot[j] = (j * 7 + 3) % rows; // a permutation where 7 does not divide the rows
    }
    if (rows > 0) {
      slot[rows / 2] = -1;
    }
    Tensor slots = c.input(c.ints(slot, tokens, k));
    Tensor weights = c.input(c.normal(DType.F32, 1, tokens, k));
    Tensor x = c.input(c.normal(c.dtype(), 1, rows, width));
    for (DType type : new DType[] {c.dtype(), DType.F32}) {
      Tensor out = c.normal(type, 1, tokens, width);
      c.kernels().combineRows(x, slots, weights, out);
      c.output("out " + type, out, BOUND);
      Tensor dOut = c.input(c.normal(type, 1, tokens, width));
      Tensor dRows = c.filled(c.dtype(), 9, rows, width);
      Tensor dWeights = c.filled(DType.F32, 9, tokens, k);
      c.kernels().combineRowsBackward(dOut, x, slots, weights, dRows, dWeights);
      c.output("dRows " + type, dRows, BOUND);
      c.output("dWeights " + type, dWeights, 3 * BOUND);
    }
  }
}
