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
    checks.add(
        new Check("attentionBackward in two calls", dtype, AttentionBackwardChecks::twoCalls));
  }

  /** With BF16, p and ds may be rounded to BF16 before the products: 2⁻⁹ each, of the largest. */
  private static double bound(DType dtype) {
    return dtype == DType.BF16 ? 1.5e-2 : 1e-5;
  }

  private record Inputs(Tensor q, Tensor k, Tensor v, Tensor dOut, Tensor lse, Tensor delta) {}

  private static Inputs inputs(Case c, Shape s) {
    int heads = s.kvHeadOf().length;
    Tensor q = c.input(s.queryLike(c, c.dtype(), 1.5));
    Tensor k = c.input(s.keyLike(c, c.dtype(), 1.5));
    Tensor v = c.input(s.keyLike(c, c.dtype(), 1));
    Tensor dOut = c.input(s.queryLike(c, c.dtype(), 1));
    Tensor out = c.filled(DType.F32, 0, s.queries(), heads, s.size());
    Tensor lse = c.filled(DType.F32, Float.NEGATIVE_INFINITY, s.queries(), heads);
    Tensor delta = c.filled(DType.F32, 0, s.queries(), heads);
    c.twin().attention(q, k, v, s.kvHeadOf(), s.tiles(), s.scale(), out, lse);
    c.twin().attentionDelta(out, dOut, delta);
    return new Inputs(q, k, v, dOut, c.input(lse), c.input(delta));
  }

  private static void backward(Case c, Shape s) {
    Inputs in = inputs(c, s);
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
            s.scale(),
            in.dOut,
            in.lse,
            in.delta,
            dq,
            dk,
            dv);
    c.output("dq", dq, bound(c.dtype()));
    c.output("dk", dk, bound(c.dtype()));
    c.output("dv", dv, bound(c.dtype()));
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
