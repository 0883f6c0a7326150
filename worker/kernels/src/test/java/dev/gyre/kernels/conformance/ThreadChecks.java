package dev.gyre.kernels.conformance;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import java.util.function.Consumer;

/**
 * Calls large enough to be split, on several threads: the same bits twice, and those of one thread
 * where a backend promises it.
 */
public final class ThreadChecks {
  private ThreadChecks() {}

  /**
   * Attention both ways, the linear kernels and those that go by rows or tokens on 1, 2 and 3
   * threads.
   *
   * @param linearBitsDepend whether linear kernels may have other bits for other numbers of threads
   * @throws AssertionError naming the output that differs
   */
  public static void run(BackendProvider provider, DType dtype, boolean linearBitsDepend) {
    compare(provider, dtype, "attention", ThreadChecks::attention, false);
    compare(provider, dtype, "linear", ThreadChecks::linear, linearBitsDepend);
    compare(provider, dtype, "rows", ThreadChecks::rows, false);
    compare(provider, dtype, "biases and clamps", ThreadChecks::biasesAndClamps, false);
    compare(provider, dtype, "parts of rows", ThreadChecks::partsOfRows, false);
    compare(provider, dtype, "router", ThreadChecks::router, false);
    compare(provider, dtype, "router of groups", ThreadChecks::routerOfGroups, false);
  }

  private static void compare(
      BackendProvider provider, DType dtype, String name, Consumer<Case> body, boolean bitsDepend) {
    try (Backend one = provider.open(1);
        Case alone = runOn(one, dtype, body)) {
      for (int threads = 2; threads <= 3; threads++) {
        String where = name + " " + dtype + " on " + threads + " threads";
        try (Backend several = provider.open(threads);
            Case first = runOn(several, dtype, body);
            Case again = runOn(several, dtype, body)) {
          first.verifyUntouched(where);
          first.verifySameBits(where, again);
          first.verifyClose(where, alone);
          if (!bitsDepend) {
            first.verifySameBits(where + " against one", alone);
          }
        }
      }
    }
  }

  private static Case runOn(Backend backend, DType dtype, Consumer<Case> body) {
    Case c = new Case(backend, false, dtype, 5);
    body.accept(c);
    return c;
  }

  /** Two tiles that share queries, three heads over two, queries in several runs. */
  private static void attention(Case c) {
    int n = 600;
    int[] kvHeadOf = {0, 1, 1};
    Kernels kernels = c.kernels();
    Tensor q = c.input(c.normal(c.dtype(), 1, n, 3, 32));
    Tensor k = c.input(c.normal(c.dtype(), 1, n, 2, 32));
    Tensor v = c.input(c.normal(c.dtype(), 1, n, 2, 32));
    Tensor dOut = c.input(c.normal(c.dtype(), 1, n, 3, 32));
    Tensor out = c.filled(DType.F32, 0, n, 3, 32);
    Tensor lse = c.filled(DType.F32, Float.NEGATIVE_INFINITY, n, 3);
    Tensor delta = c.filled(DType.F32, 0, n, 3);
    Tensor dq = c.filled(DType.F32, 0, n, 3, 32);
    Tensor dk = c.filled(DType.F32, 0, n, 2, 32);
    Tensor dv = c.filled(DType.F32, 0, n, 2, 32);
    AttentionTiles tiles =
        new AttentionTiles.Builder()
            .add(0, n, 0, 300, 0, AttentionTiles.UNLIMITED)
            .add(300, 300, 300, 300, 0, AttentionTiles.UNLIMITED)
            .build();
    kernels.attention(q, k, v, kvHeadOf, tiles, 0.2f, out, lse);
    kernels.attentionDelta(out, dOut, delta);
    kernels.attentionBackward(q, k, v, kvHeadOf, tiles, 0.2f, dOut, lse, delta, dq, dk, dv);
    c.output("out", out, 1e-6);
    c.output("lse", lse, 1e-6);
    c.output("dq", dq, 1e-5);
    c.output("dk", dk, 1e-5);
    c.output("dv", dv, 1e-5);
  }

  private static void linear(Case c) {
    int[] offsets = {0, 0, 301, 420};
    Kernels kernels = c.kernels();
    Tensor x = c.input(c.normal(c.dtype(), 1, 420, 161));
    Tensor w = c.input(c.normal(c.dtype(), 1, 130, 161));
    Tensor experts = c.input(c.normal(c.dtype(), 1, 3, 130, 161));
    Tensor y = c.filled(c.dtype(), 9, 420, 130);
    kernels.linear(x, w, y, false);
    c.output("y", y, 1e-5);
    Tensor dy = c.input(c.normal(c.dtype(), 1, 420, 130));
    Tensor dx = c.normal(DType.F32, 1, 420, 161);
    kernels.linearBackwardInput(dy, w, dx, true);
    c.output("dx", dx, 1e-5);
    Tensor dw = c.normal(DType.F32, 1, 130, 161);
    kernels.linearBackwardWeight(dy, x, dw);
    c.output("dw", dw, 1e-5);
    Tensor grouped = c.filled(c.dtype(), 9, 420, 130);
    kernels.groupedLinear(x, experts, offsets, grouped);
    c.output("grouped y", grouped, 1e-5);
    Tensor dGrouped = c.filled(c.dtype(), 9, 420, 161);
    kernels.groupedLinearBackwardInput(dy, experts, offsets, dGrouped);
    c.output("grouped dx", dGrouped, 1e-5);
    Tensor dExperts = c.normal(DType.F32, 1, 3, 130, 161);
    kernels.groupedLinearBackwardWeight(dy, x, offsets, dExperts);
    c.output("grouped dw", dExperts, 1e-5);
  }

  /** Enough tokens that the logits of so few experts take half a megabyte. */
  private static void router(Case c) {
    int tokens = 16_411;
    int experts = 8;
    int width = 34;
    Kernels kernels = c.kernels();
    Tensor logits = c.input(c.normal(DType.F32, 3, tokens, experts));
    Tensor probs = c.filled(DType.F32, 9, tokens, experts);
    Tensor lse = c.filled(DType.F32, 9, tokens);
    Tensor indices = c.ints(new int[2 * tokens], tokens, 2);
    Tensor weights = c.filled(DType.F32, 9, tokens, 2);
    kernels.routeTopK(logits, true, probs, lse, indices, weights);
    c.output("probs", probs, 1e-5);
    c.output("lse", lse, 1e-5);
    c.output("weights", weights, 1e-5);
    Tensor dWeights = c.input(c.normal(DType.F32, 1, tokens, 2));
    Tensor balance = c.input(c.normal(DType.F32, 1, experts));
    Tensor dLogits = c.filled(DType.F32, 9, tokens, experts);
    kernels.routeTopKBackward(probs, lse, indices, weights, true, dWeights, balance, 0.1f, dLogits);
    c.output("dLogits", dLogits, 1e-5);
    int[] slots = new int[2 * tokens];
    for (int i = 0; i < slots.length; i++) {
      slots[i] = i % 5 == 0 ? -1 : slots.length - 1 - i;
    }
    Tensor slot = c.input(c.ints(slots, tokens, 2));
    Tensor rows = c.input(c.normal(c.dtype(), 1, 2L * tokens, width));
    Tensor out = c.normal(DType.F32, 1, tokens, width);
    kernels.combineRows(rows, slot, weights, out);
    c.output("combined", out, 1e-5);
    Tensor dRows = c.filled(c.dtype(), 0, 2L * tokens, width);
    Tensor dShares = c.filled(DType.F32, 9, tokens, 2);
    kernels.combineRowsBackward(out, rows, slot, weights, dRows, dShares);
    c.output("dRows", dRows, 1e-5);
    c.output("dShares", dShares, 1e-5);
  }

  private static void routerOfGroups(Case c) {
    int tokens = 4111;
    int experts = 32;
    Kernels kernels = c.kernels();
    Tensor logits = c.input(c.normal(DType.F32, 3, tokens, experts));
    Tensor bias = c.input(c.normal(DType.F32, 0.1, experts));
    Tensor scores = c.filled(DType.F32, 9, tokens, experts);
    Tensor indices = c.ints(new int[3 * tokens], tokens, 3);
    Tensor weights = c.filled(DType.F32, 9, tokens, 3);
    kernels.routeGroups(logits, bias, 8, 4, true, 2.5f, scores, indices, weights);
    c.output("scores", scores, 1e-5);
    c.output("indices", indices, 0);
    c.output("weights", weights, 1e-5);
    Tensor dLogits = c.filled(DType.F32, 9, tokens, experts);
    kernels.routeGroupsBackward(scores, indices, true, 2.5f, weights, dLogits);
    c.output("dLogits", dLogits, 1e-5);
    Tensor lse = c.filled(DType.F32, 9, tokens);
    kernels.routeTopK(logits, false, scores, lse, indices, weights);
    kernels.routeTopKBackward(scores, lse, indices, weights, false, weights, bias, 0.1f, dLogits);
    c.output("probs as weights", weights, 1e-5);
    c.output("dLogits of probs", dLogits, 1e-5);
  }

  /** Half a megabyte and more each, as in {@link #rows}. */
  private static void biasesAndClamps(Case c) {
    int rows = 1031;
    int width = 514;
    Kernels kernels = c.kernels();
    Tensor x = c.normal(c.dtype(), 1, rows, width);
    kernels.addBias(x, c.input(c.normal(DType.F32, 1, width)));
    c.output("x", x, 1e-5);
    Tensor dbias = c.normal(DType.F32, 1, width);
    kernels.addBiasBackward(x, dbias);
    c.output("dbias", dbias, 1e-5);
    Tensor clamped = c.filled(c.dtype(), 9, rows, width);
    kernels.clamp(x, 0.8f, clamped);
    c.output("clamped", clamped, 1e-5);
    Tensor dx = c.filled(DType.F32, 9, rows, width);
    kernels.clampBackward(clamped, x, 0.8f, dx);
    c.output("dx", dx, 1e-5);
    Tensor h = c.filled(c.dtype(), 9, rows, width / 2);
    kernels.swigluClamped(x, 1.702f, 0.8f, h);
    c.output("h", h, 1e-5);
    Tensor dGateUp = c.filled(c.dtype(), 9, rows, width);
    kernels.swigluClampedBackward(h, x, 1.702f, 0.8f, dGateUp);
    c.output("dGateUp", dGateUp, 1e-5);
  }

  private static void partsOfRows(Case c) {
    int rows = 16_411;
    int heads = 8;
    int size = 10;
    Kernels kernels = c.kernels();
    Tensor x = c.input(c.normal(c.dtype(), 1, rows, heads, 2 * size));
    Tensor part = c.filled(c.dtype(), 9, rows, heads, size);
    Tensor sum = c.normal(DType.F32, 1, rows, heads, size);
    kernels.copyColumns(x, 3, part, 0, size, false);
    kernels.copyColumns(x, size, sum, 0, size, true);
    kernels.copyColumns(x, 0, sum, 2, 3, false);
    kernels.rope(part, c.input(c.normal(DType.F32, 1, rows, 2, 3)), true);
    c.output("rotated", part, 1e-5);
    Tensor sinks = c.input(c.normal(DType.F32, 1, heads));
    Tensor lse = c.normal(DType.F32, 1, rows, heads);
    Tensor delta = c.input(c.normal(DType.F32, 1, rows, heads));
    kernels.attentionSinks(sinks, sum, lse);
    c.output("sum", sum, 1e-5);
    c.output("lse", lse, 1e-5);
    Tensor dsinks = c.normal(DType.F32, 1, heads);
    kernels.attentionSinksBackward(sinks, lse, delta, dsinks);
    c.output("dsinks", dsinks, 1e-5);
  }

  /** Half a megabyte and more each, in counts that no number of threads divides evenly. */
  private static void rows(Case c) {
    int rows = 1031;
    int width = 514;
    Kernels kernels = c.kernels();
    Tensor x = c.input(c.normal(c.dtype(), 1, rows, width));
    Tensor weight = c.input(c.normal(DType.F32, 1, width));
    Tensor y = c.filled(c.dtype(), 9, rows, width);
    Tensor rstd = c.filled(DType.F32, 9, rows);
    kernels.rmsNorm(x, weight, 1e-5f, y, rstd);
    c.output("y", y, 1e-5);
    c.output("rstd", rstd, 1e-5);
    Tensor dx = c.normal(DType.F32, 1, rows, width);
    Tensor dweight = c.normal(DType.F32, 1, width);
    kernels.rmsNormBackward(x, x, weight, rstd, dx, dweight);
    c.output("dx", dx, 1e-5);
    c.output("dweight", dweight, 1e-5);
    Tensor h = c.filled(c.dtype(), 9, rows, width / 2);
    kernels.swiglu(x, h);
    c.output("h", h, 1e-5);
    Tensor dGateUp = c.filled(c.dtype(), 9, rows, width);
    kernels.swigluBackward(h, x, dGateUp);
    c.output("dGateUp", dGateUp, 1e-5);
    Tensor heads = c.normal(c.dtype(), 1, rows, 1, width);
    Tensor delta = c.filled(DType.F32, 9, rows, 1);
    kernels.attentionDelta(heads, x.reshape(rows, 1, width), delta);
    c.output("delta", delta, 1e-5);
    kernels.rope(heads, c.input(c.normal(DType.F32, 1, rows, 2, width / 2)), false);
    c.output("rotated", heads, 1e-5);
    Tensor logits = c.normal(DType.F32, 3, rows, width);
    Tensor losses = c.filled(DType.F32, 9, rows);
    kernels.crossEntropy(logits, c.input(c.ints(new int[rows], rows)), 0.5f, losses);
    c.output("logits", logits, 1e-5);
    c.output("losses", losses, 1e-5);
    Tensor activated = c.filled(c.dtype(), 9, rows, width);
    kernels.silu(x, activated);
    c.output("activated", activated, 1e-5);
    Tensor dSilu = c.filled(c.dtype(), 9, rows, width);
    kernels.siluBackward(activated, x, dSilu);
    c.output("dSilu", dSilu, 1e-5);
    kernels.add(x, dx);
    c.output("sum", dx, 1e-5);
    Tensor w = c.normal(DType.F32, 1, 300_007);
    Tensor m = c.normal(DType.F32, 1, 300_007);
    Tensor v = c.filled(DType.F32, 0.5f, 300_007);
    Tensor grad = c.input(c.normal(DType.F32, 1, 300_007));
    kernels.adamW(w, m, v, grad, 1, 1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 3);
    c.output("w", w, 1e-5);
    c.output("m", m, 1e-5);
    c.output("v", v, 1e-5);
  }
}
