package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Tensor;
import java.util.List;

/** Linear attention with decay: forward, states alone, backward; and silu. */
final class LightningChecks {
  private static final int[] ONE_HEAD = {0};
  private static final int[] GROUPED = {0, 0, 1};
  private static final int[] NONE = {};

  /**
   * From hardly any decay to one that leaves nothing of the tile before; both ends of the published
   * slopes.
   */
  private static final float[] SLOPES = {4e-8f, 0.0039f, 0.5f, 8};

  /**
   * f32 sums in tiles against sequential f64 sums. For T terms of random sign they differ by about
   * 2⁻²⁴·√T of the sum's own size.
   */
  private static final double BOUND = 1e-5;

  /** One shape of a call. */
  private record Shape(
      String name, int tokens, int[] kvHeadOf, int kvHeads, int size, int[] resets) {
    DecayPattern pattern() {
      float[] slopes = new float[kvHeadOf.length];
      for (int h = 0; h < slopes.length; h++) {
        slopes[h] = SLOPES[(h + tokens) % SLOPES.length];
      }
      return new DecayPattern(kvHeadOf, slopes, resets);
    }

    Tensor queryLike(Case c, DType type) {
      return c.normal(type, 0.5, tokens, kvHeadOf.length, size);
    }

    Tensor keyLike(Case c, DType type) {
      return c.normal(type, 0.5, tokens, kvHeads, size);
    }

    Tensor state(Case c) {
      return c.normal(DType.F32, 1, kvHeadOf.length, size, size);
    }
  }

  private LightningChecks() {}

  static void addTo(List<Check> checks, DType dtype) {
    for (int n : Conformance.SIZES) {
      add(checks, dtype, new Shape("T=" + n, n, GROUPED, 2, 16, NONE));
    }
    for (int size : new int[] {1, 2, 7, 15, 17, 24, 31, 32, 33, 64, 80, 128, 256}) {
      add(checks, dtype, new Shape("D=" + size, 70, GROUPED, 2, size, new int[] {3}));
    }
    for (int n : new int[] {63, 64, 65, 128, 129, 1031}) {
      add(checks, dtype, new Shape("long T=" + n, n, ONE_HEAD, 1, 32, NONE));
    }
    add(checks, dtype, new Shape("new at 0", 50, GROUPED, 2, 16, new int[] {0}));
    add(checks, dtype, new Shape("new at the last", 65, GROUPED, 2, 16, new int[] {64}));
    add(checks, dtype, new Shape("documents of 1", 5, GROUPED, 2, 16, new int[] {0, 1, 2, 3, 4}));
    add(
        checks,
        dtype,
        new Shape("documents", 300, GROUPED, 2, 24, new int[] {1, 2, 63, 64, 127, 192, 299}));
    add(checks, dtype, new Shape("unused head", 40, new int[] {0, 2, 2}, 4, 8, new int[] {17}));
    for (int n : Conformance.SIZES) {
      checks.add(new Check("silu " + n, dtype, c -> silu(c, n)));
    }
    checks.add(new Check("silu 5000", dtype, c -> silu(c, 5000)));
  }

  private static void add(List<Check> checks, DType dtype, Shape s) {
    checks.add(new Check("linearAttention " + s.name, dtype, c -> forward(c, s)));
    checks.add(new Check("linearAttentionState " + s.name, dtype, c -> state(c, s)));
    checks.add(new Check("linearAttentionBackward " + s.name, dtype, c -> backward(c, s)));
  }

  /** With BF16 a backend may round queries, keys and states to it before products: 2⁻⁹ each. */
  private static double bound(DType dtype) {
    return dtype == DType.BF16 ? 1e-2 : BOUND;
  }

  private static void forward(Case c, Shape s) {
    Tensor q = c.input(s.queryLike(c, c.dtype()));
    Tensor k = c.input(s.keyLike(c, c.dtype()));
    Tensor v = c.input(s.keyLike(c, c.dtype()));
    Tensor state = s.state(c);
    Tensor out = c.filled(c.dtype(), 9, s.tokens, s.kvHeadOf.length, s.size);
    c.kernels().linearAttention(q, k, v, s.pattern(), state, out);
    c.output("out", out, bound(c.dtype()));
    c.output("state", state, bound(c.dtype()));
  }

  private static void state(Case c, Shape s) {
    Tensor k = c.input(s.keyLike(c, c.dtype()));
    Tensor v = c.input(s.keyLike(c, c.dtype()));
    Tensor state = s.state(c);
    c.kernels().linearAttentionState(k, v, s.pattern(), false, state);
    c.output("state", state, bound(c.dtype()));
    Tensor q = c.input(s.queryLike(c, c.dtype()));
    Tensor dOut = c.input(s.queryLike(c, c.dtype()));
    Tensor dState = s.state(c);
    c.kernels().linearAttentionState(q, dOut, s.pattern(), true, dState);
    c.output("dState", dState, bound(c.dtype()));
  }

  private static void backward(Case c, Shape s) {
    Tensor q = c.input(s.queryLike(c, c.dtype()));
    Tensor k = c.input(s.keyLike(c, c.dtype()));
    Tensor v = c.input(s.keyLike(c, c.dtype()));
    Tensor dOut = c.input(s.queryLike(c, c.dtype()));
    Tensor state = c.input(s.state(c));
    Tensor dState = s.state(c);
    Tensor dq = s.queryLike(c, DType.F32);
    Tensor dk = s.keyLike(c, DType.F32);
    Tensor dv = s.keyLike(c, DType.F32);
    c.kernels().linearAttentionBackward(q, k, v, s.pattern(), state, dOut, dState, dq, dk, dv);
    c.output("dState", dState, bound(c.dtype()));
    c.output("dq", dq, bound(c.dtype()));
    c.output("dk", dk, bound(c.dtype()));
    c.output("dv", dv, bound(c.dtype()));
  }

  private static void silu(Case c, int count) {
    Tensor x = c.input(c.normal(c.dtype(), 5, count));
    Tensor y = c.filled(c.dtype(), 9, count);
    c.kernels().silu(x, y);
    c.output("y", y, 1e-6);
    for (DType type : new DType[] {c.dtype(), DType.F32}) {
      Tensor dy = c.normal(type, 1, count);
      Tensor dx = c.filled(type, 9, count);
      c.kernels().siluBackward(c.input(dy), x, dx);
      c.output("dx " + type, dx, 1e-6);
    }
    Tensor inPlace = c.normal(DType.F32, 1, count);
    c.kernels().siluBackward(inPlace, x, inPlace);
    c.output("dx in place", inPlace, 1e-6);
  }
}
