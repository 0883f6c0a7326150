package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.List;

/** Cross-entropy, sums, optimizer. All in F32, for every compute dtype. */
final class LossChecks {
  private static final double BOUND = 2e-6;

  private LossChecks() {}

  static void addTo(List<Check> checks, DType dtype) {
    for (int tokens : new int[] {0, 1, 17}) {
      for (int vocabulary : new int[] {1, 15, 16, 17, 33, 256, 1009, 32_003}) {
        checks.add(
            new Check(
                "crossEntropy T=" + tokens + " V=" + vocabulary,
                dtype,
                c -> crossEntropy(c, c.normal(DType.F32, 3, tokens, vocabulary))));
      }
    }
    checks.add(new Check("crossEntropy of extremes", dtype, LossChecks::extremes));
    checks.add(new Check("crossEntropy of NaN without a label", dtype, LossChecks::unlabelled));
    for (int size : new int[] {0, 1, 15, 16, 17, 31, 33, 1009, 40009}) {
      checks.add(new Check("sum " + size, dtype, c -> sums(c, size)));
      checks.add(new Check("adamW " + size, dtype, c -> adamW(c, size)));
    }
  }

  private static void extremes(Case c) {
    float none = Float.NEGATIVE_INFINITY;
    float[] logits = {1e4f, -1e4f, 0, none, 5, none, -1e4f, -9999, -9998, 3, 3, 3};
    crossEntropy(c, c.of(DType.F32, logits, 4, 3));
  }

  /** A row without a label may hold anything: its loss and gradient are 0. */
  private static void unlabelled(Case c) {
    Tensor logits = c.normal(DType.F32, 3, 8, 37);
    c.twin().fill(logits.slice(3, 1), Float.NaN);
    c.twin().fill(logits.slice(7, 1), Float.POSITIVE_INFINITY);
    crossEntropy(c, logits);
  }

  private static void crossEntropy(Case c, Tensor logits) {
    int tokens = (int) logits.dim(0);
    int vocabulary = (int) logits.dim(1);
    int[] label = new int[tokens];
    for (int t = 0; t < tokens; t++) {
      label[t] = t % 4 == 3 ? -100 : (t * 5 + vocabulary - 1) % vocabulary;
    }
    if (vocabulary == 3) {
      label[1] = 1; // the one finite logit of that row
    }
    Tensor labels = c.input(c.ints(label, tokens));
    Tensor losses = c.filled(DType.F32, 9, tokens);
    c.kernels().crossEntropy(logits, labels, 0.125f, losses);
    c.output("losses", losses, BOUND);
    c.output("dLogits", logits, BOUND);
  }

  private static void sums(Case c, int size) {
    Tensor x = c.input(c.normal(DType.F32, 1, size));
    Tensor sum = c.filled(DType.F64, 0.5f, 1);
    Tensor squares = c.filled(DType.F64, 0.5f, 1);
    c.kernels().sum(x, sum);
    c.kernels().sumSquares(x, squares);
    c.exactOutput("sum", sum);
    c.output("squares", squares, 1e-12);
  }

  private static void adamW(Case c, int size) {
    Tensor w = c.normal(DType.F32, 1, size);
    Tensor m = c.normal(DType.F32, 0.1, size);
    Tensor grad = c.input(c.normal(DType.F32, 1, size));
    float[] squares = new float[size];
    for (int i = 0; i < size; i++) {
      squares[i] = i % 5 == 0 ? 0 : c.random().nextFloat();
    }
    Tensor v = c.of(DType.F32, squares, size);
    for (int step : new int[] {1, 2, 1000}) {
      c.kernels().adamW(w, m, v, grad, 0.5f, 1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, step);
    }
    c.output("w", w, BOUND);
    c.output("m", m, BOUND);
    c.output("v", v, BOUND);
  }
}
