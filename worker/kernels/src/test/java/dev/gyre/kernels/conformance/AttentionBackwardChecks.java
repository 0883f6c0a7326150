package dev.gyre.kernels.conformance;

import static dev.gyre.kernels.AttentionTiles.UNLIMITED;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.conformance.AttentionChecks.Shape;
import java.util.List;

/** Attention backward, from the twin's own out, lse and delta. */
final class AttentionBackwardChecks {
  private AttentionBackwardChecks() {}

  static void addTo(List<Check> checks, DType dtype) {
    for (Shape s : AttentionChecks.shapes()) {
      checks.add(new Check("attentionBackward " + s.name(), dtype, c -> backward(c, s)));
    }
    for (Shape s : HiddenValues.shapes()) {
      checks.add(new Check("attentionBackward of hidden " + s.name(), dtype, c -> hidden(c, s)));
    }
    checks.add(
        new Check(
            "attentionBackward with scores to 1e4", dtype, AttentionBackwardChecks::largeScores));
    checks.add(
        new Check("attentionBackward in two calls", dtype, AttentionBackwardChecks::twoCalls));
  }

  /** With BF16, p and ds may be rounded to BF16 before the products: 2⁻⁹ each, of the largest. */
  private static double bound(DType dtype) {
    return dtype == DType.BF16 ? 1.5e-2 : 1e-5;
  }

  private record Inputs(Tensor q, Tensor k, Tensor v, Tensor dOut, Tensor lse, Tensor delta) {}

  private static Inputs inputs(Case c, Shape s) {
    Tensor q = s.queryLike(c, c.dtype(), 1.5);
    Tensor k = s.keyLike(c, c.dtype(), 1.5);
    return inputs(c, s, q, k, s.keyLike(c, c.dtype(), 1), s.queryLike(c, c.dtype(), 1), s.scale());
  }

  private static Inputs inputs(
      Case c, Shape s, Tensor q, Tensor k, Tensor v, Tensor dOut, float scale) {
    int heads = s.kvHeadOf().length;
    Tensor out = c.filled(DType.F32, 0, s.queries(), heads, s.size());
    Tensor lse = c.filled(DType.F32, Float.NEGATIVE_INFINITY, s.queries(), heads);
    Tensor delta = c.filled(DType.F32, 0, s.queries(), heads);
    c.twin().attention(q, k, v, s.kvHeadOf(), s.tiles(), scale, out, lse);
    c.twin().attentionDelta(out, dOut, delta);
    return new Inputs(
        c.input(q), c.input(k), c.input(v), c.input(dOut), c.input(lse), c.input(delta));
  }

  private static void backward(Case c, Shape s) {
    backward(c, s, inputs(c, s), s.scale(), bound(c.dtype()));
  }

  /** As in {@link AttentionChecks}; delta of a query that sees nothing is NaN too. */
  private static void hidden(Case c, Shape s) {
    Tensor q = s.queryLike(c, c.dtype(), 1.5);
    Tensor k = s.keyLike(c, c.dtype(), 1.5);
    Tensor v = s.keyLike(c, c.dtype(), 1);
    Tensor dOut = s.queryLike(c, c.dtype(), 1);
    HiddenValues hidden = HiddenValues.of(s);
    hidden.poisonQueries(c, q);
    hidden.poisonQueries(c, dOut);
    hidden.poisonKeys(c, k);
    hidden.poisonKeys(c, v);
    backward(c, s, inputs(c, s, q, k, v, dOut, s.scale()), s.scale(), bound(c.dtype()));
  }

  /**
   * Scores are whole multiples of 64 up to about 1e4. A probability is the exponential of a
   * difference of two such numbers, scaled to powers of two, each rounded to f32: 1e4·2⁻²⁴ twice.
   */
  private static void largeScores(Case c) {
    int n = 40;
    AttentionTiles tiles = AttentionChecks.one(n, n, 0, UNLIMITED);
    Shape s = new Shape("", n, n, AttentionChecks.ONE_HEAD, 1, 16, tiles);
    Tensor q = AttentionChecks.wholeNumbers(c, 8, n, 1, 16);
    Tensor k = AttentionChecks.wholeNumbers(c, 8, n, 1, 16);
    Tensor v = s.keyLike(c, c.dtype(), 1);
    Tensor dOut = s.queryLike(c, c.dtype(), 1);
    double bound = bound(c.dtype()) + 1e4 * Math.scalb(1.0, -23);
    backward(c, s, inputs(c, s, q, k, v, dOut, 64), 64, bound);
  }

  private static void backward(Case c, Shape s, Inputs in, float scale, double bound) {
    Tensor dq = s.queryLike(c, DType.F32, 1);
    Tensor dk = s.keyLike(c, DType.F32, 1);
    Tensor dv = s.keyLike(c, DType.F32, 1);
    c.kernels()
        .attentionBackward(
            in.q,
            in.k,
            in.v,
            s.kvHeadOf(),
            s.tiles(),
            scale,
            in.dOut,
            in.lse,
            in.delta,
            dq,
            dk,
            dv);
    c.output("dq", dq, bound);
    c.output("dk", dk, bound);
    c.output("dv", dv, bound);
  }

  /** Keys in two calls add up to what one call gives. */
  private static void twoCalls(Case c) {
    int n = 140;
    int cut = 77;
    AttentionTiles whole = new AttentionTiles.Builder().add(0, n, 0, n, 0, UNLIMITED).build();
    Shape s = new Shape("", n, n, new int[] {0, 0, 1}, 2, 32, whole);
    Inputs in = inputs(c, s);
    Tensor dq = s.queryLike(c, DType.F32, 0);
    Tensor dk = s.keyLike(c, DType.F32, 0);
    Tensor dv = s.keyLike(c, DType.F32, 0);
    int[][] parts = c.reference() ? new int[][] {{0, n}} : new int[][] {{cut, n}, {0, cut}};
    for (int[] part : parts) {
      int from = part[0];
      int count = part[1] - from;
      c.kernels()
          .attentionBackward(
              in.q,
              in.k.slice(from, count),
              in.v.slice(from, count),
              s.kvHeadOf(),
              new AttentionTiles.Builder().add(0, n, 0, count, from, UNLIMITED).build(),
              s.scale(),
              in.dOut,
              in.lse,
              in.delta,
              dq,
              dk.slice(from, count),
              dv.slice(from, count));
    }
    c.output("dq", dq, bound(c.dtype()));
    c.output("dk", dk, bound(c.dtype()));
    c.output("dv", dv, bound(c.dtype()));
  }
}
