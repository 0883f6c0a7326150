package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.List;

/** Choosing experts and mixing their rows. */
final class RouterChecks {
  private static final double BOUND = 2e-6;

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
    Routes mine = Routes.empty(c, logits, k);
    c.kernels().routeTopK(logits, true, mine.probs, mine.lse, mine.indices, mine.weights);
    c.output("probs", mine.probs, BOUND);
    c.output("lse", mine.lse, BOUND);
    c.output("indices", mine.indices, 0);
    c.output("weights", mine.weights, BOUND);

    Routes r = Routes.empty(c, logits, k);
    c.twin().routeTopK(logits, true, r.probs, r.lse, r.indices, r.weights);
    Tensor dWeights = c.input(c.normal(DType.F32, 1, logits.dim(0), k));
    Tensor probsGrad = c.input(c.normal(DType.F32, 1, logits.dim(1)));
    Tensor dLogits = c.filled(DType.F32, 9, logits.dim(0), logits.dim(1));
    c.kernels()
        .routeTopKBackward(
            r.probs, r.lse, r.indices, r.weights, true, dWeights, probsGrad, 0.01f, dLogits);
    c.output("dLogits", dLogits, BOUND);
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
