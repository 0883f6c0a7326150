package dev.gyre.kernels;

import static dev.gyre.kernels.DType.F32;
import static dev.gyre.kernels.KernelChecks.compute;
import static dev.gyre.kernels.KernelChecks.rank;

/** {@link KernelChecks} for {@link AttentionKernels} and {@link LinearAttentionKernels}. */
final class AttentionArguments {
  private AttentionArguments() {}

  static void attention(
      Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles, Tensor out, Tensor lse) {
    queriesKeysValues(q, k, v, kvHeadOf, tiles);
    out.require("out", F32, q.dim(0), q.dim(1), q.dim(2));
    lse.require("lse", F32, q.dim(0), q.dim(1));
  }

  static void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    rank("out", out, 3);
    out.require("out", F32, out.dim(0), out.dim(1), out.dim(2));
    outB.require("outB", F32, out.dim(0), out.dim(1), out.dim(2));
    lse.require("lse", F32, out.dim(0), out.dim(1));
    lseB.require("lseB", F32, out.dim(0), out.dim(1));
  }

  static void attentionSinks(Tensor sinks, Tensor out, Tensor lse) {
    rank("out", out, 3);
    sinks.require("sinks", F32, out.dim(1));
    out.require("out", F32, out.dim(0), out.dim(1), out.dim(2));
    lse.require("lse", F32, out.dim(0), out.dim(1));
  }

  static void attentionSinksBackward(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    rank("lse", lse, 2);
    sinks.require("sinks", F32, lse.dim(1));
    lse.require("lse", F32, lse.dim(0), lse.dim(1));
    delta.require("delta", F32, lse.dim(0), lse.dim(1));
    dsinks.require("dsinks", F32, lse.dim(1));
  }

  static void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    compute("out", out);
    compute("dOut", dOut);
    rank("out", out, 3);
    dOut.require("dOut", dOut.dtype(), out.dim(0), out.dim(1), out.dim(2));
    delta.require("delta", F32, out.dim(0), out.dim(1));
  }

  static void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    queriesKeysValues(q, k, v, kvHeadOf, tiles);
    dOut.require("dOut", q.dtype(), q.dim(0), q.dim(1), q.dim(2));
    lse.require("lse", F32, q.dim(0), q.dim(1));
    delta.require("delta", F32, q.dim(0), q.dim(1));
    dq.require("dq", F32, q.dim(0), q.dim(1), q.dim(2));
    dk.require("dk", F32, k.dim(0), k.dim(1), k.dim(2));
    dv.require("dv", F32, k.dim(0), k.dim(1), k.dim(2));
  }

  private static void queriesKeysValues(
      Tensor q, Tensor k, Tensor v, int[] kvHeadOf, AttentionTiles tiles) {
    compute("q", q);
    rank("q", q, 3);
    rank("k", k, 3);
    k.require("k", q.dtype(), k.dim(0), k.dim(1), q.dim(2));
    v.require("v", q.dtype(), k.dim(0), k.dim(1), q.dim(2));
    if (kvHeadOf.length != q.dim(1)) {
      throw new IllegalArgumentException(
          "kvHeadOf names %d heads, q has %d".formatted(kvHeadOf.length, q.dim(1)));
    }
    for (int h = 0; h < kvHeadOf.length; h++) {
      if (kvHeadOf[h] < 0 || kvHeadOf[h] >= k.dim(1)) {
        throw new IllegalArgumentException(
            "kvHeadOf[%d] is %d, k has %d heads".formatted(h, kvHeadOf[h], k.dim(1)));
      }
    }
    for (int n = 0; n < tiles.count(); n++) {
      if ((long) tiles.queryStart(n) + tiles.queryCount(n) > q.dim(0)
          || (long) tiles.keyStart(n) + tiles.keyCount(n) > k.dim(0)) {
        throw new IllegalArgumentException(
            "tile %d covers queries %d+%d and keys %d+%d, but there are %d queries and %d keys"
                .formatted(
                    n,
                    tiles.queryStart(n),
                    tiles.queryCount(n),
                    tiles.keyStart(n),
                    tiles.keyCount(n),
                    q.dim(0),
                    k.dim(0)));
      }
    }
  }

  static void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    decaying(q, k, v, pattern, state);
    out.require("out", q.dtype(), q.dim(0), q.dim(1), q.dim(2));
  }

  static void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    compute("a", a);
    rank("a", a, 3);
    if (backward && a.dim(1) != pattern.heads()) {
      throw new IllegalArgumentException(
          "a has %d heads, the pattern %d".formatted(a.dim(1), pattern.heads()));
    }
    b.require("b", a.dtype(), a.dim(0), a.dim(1), a.dim(2));
    state.require("state", F32, pattern.heads(), a.dim(2), a.dim(2));
    pattern(pattern, backward ? Integer.MAX_VALUE : a.dim(1), a.dim(0));
  }

  static void linearAttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      DecayPattern pattern,
      Tensor state,
      Tensor dOut,
      Tensor dState,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    decaying(q, k, v, pattern, state);
    dOut.require("dOut", q.dtype(), q.dim(0), q.dim(1), q.dim(2));
    dState.require("dState", F32, q.dim(1), q.dim(2), q.dim(2));
    dq.require("dq", F32, q.dim(0), q.dim(1), q.dim(2));
    dk.require("dk", F32, k.dim(0), k.dim(1), k.dim(2));
    dv.require("dv", F32, k.dim(0), k.dim(1), k.dim(2));
  }

  private static void decaying(Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state) {
    compute("q", q);
    rank("q", q, 3);
    rank("k", k, 3);
    q.require("q", q.dtype(), q.dim(0), pattern.heads(), q.dim(2));
    k.require("k", q.dtype(), q.dim(0), k.dim(1), q.dim(2));
    v.require("v", q.dtype(), q.dim(0), k.dim(1), q.dim(2));
    state.require("state", F32, q.dim(1), q.dim(2), q.dim(2));
    pattern(pattern, k.dim(1), q.dim(0));
  }

  private static void pattern(DecayPattern pattern, long kvHeads, long tokens) {
    for (int h = 0; h < pattern.heads(); h++) {
      if (pattern.kvHeadOf(h) < 0 || pattern.kvHeadOf(h) >= kvHeads) {
        throw new IllegalArgumentException(
            "kvHeadOf[%d] is %d, there are %d heads".formatted(h, pattern.kvHeadOf(h), kvHeads));
      }
    }
    int resets = pattern.resets();
    if (resets > 0 && pattern.reset(resets - 1) >= tokens) {
      throw new IllegalArgumentException(
          "a reset at token %d of %d".formatted(pattern.reset(resets - 1), tokens));
    }
  }
}
