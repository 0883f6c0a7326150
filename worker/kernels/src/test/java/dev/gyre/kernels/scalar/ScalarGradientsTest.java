package dev.gyre.kernels.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The scalar twin's backward kernels against central differences of its forward kernels. The scalar
 * loss is Σ c·y with random c, so that dy = c. Tensors are F32, so a difference over 2h = 2⁻⁶ with
 * sums in double is good to about 2⁻²³/2⁻⁶ ≈ 1e-5 plus h²/6 of the third derivative ≈ 1e-5.
 */
class ScalarGradientsTest {
  private static final float H = 1f / 128;
  private static final double TOLERANCE = 2e-3;

  private final Arena arena = Arena.ofShared();
  private final Random random = new Random(11);
  private final Kernels kernels = ScalarKernels.create();

  @AfterEach
  void free() {
    arena.close();
  }

  private Tensor normal(long... dims) {
    Tensor t = Tensors.zeros(arena, DType.F32, dims);
    for (long i = 0; i < t.elements(); i++) {
      HostAccess.set(t, i, random.nextGaussian() * 0.7);
    }
    return t;
  }

  private Tensor zeros(long... dims) {
    return Tensors.zeros(arena, DType.F32, dims);
  }

  private static double dot(Tensor a, Tensor b) {
    double sum = 0;
    for (long i = 0; i < a.elements(); i++) {
      sum += HostAccess.get(a, i) * HostAccess.get(b, i);
    }
    return sum;
  }

  private static void assertGradient(String name, Tensor x, Tensor dx, DoubleSupplier loss) {
    for (long i = 0; i < x.elements(); i++) {
      double at = HostAccess.get(x, i);
      HostAccess.set(x, i, at + H);
      double up = loss.getAsDouble();
      HostAccess.set(x, i, at - H);
      double down = loss.getAsDouble();
      HostAccess.set(x, i, at);
      assertEquals((up - down) / (2 * H), HostAccess.get(dx, i), TOLERANCE, name + "[" + i + "]");
    }
  }

  @Test
  void linear() {
    Tensor x = normal(3, 5);
    Tensor w = normal(4, 5);
    Tensor dy = normal(3, 4);
    DoubleSupplier loss =
        () -> {
          Tensor y = zeros(3, 4);
          kernels.linear(x, w, y, false);
          return dot(y, dy);
        };
    Tensor dx = zeros(3, 5);
    Tensor dw = zeros(4, 5);
    kernels.linearBackwardInput(dy, w, dx, false);
    kernels.linearBackwardWeight(dy, x, dw);
    assertGradient("x", x, dx, loss);
    assertGradient("w", w, dw, loss);
  }

  @Test
  void groupedLinear() {
    int[] offsets = {0, 2, 2, 5};
    Tensor x = normal(5, 4);
    Tensor w = normal(3, 2, 4);
    Tensor dy = normal(5, 2);
    DoubleSupplier loss =
        () -> {
          Tensor y = zeros(5, 2);
          kernels.groupedLinear(x, w, offsets, y);
          return dot(y, dy);
        };
    Tensor dx = zeros(5, 4);
    Tensor dw = zeros(3, 2, 4);
    kernels.groupedLinearBackwardInput(dy, w, offsets, dx);
    kernels.groupedLinearBackwardWeight(dy, x, offsets, dw);
    assertGradient("x", x, dx, loss);
    assertGradient("w", w, dw, loss);
  }

  @Test
  void rmsNorm() {
    Tensor x = normal(3, 7);
    Tensor weight = normal(7);
    Tensor dy = normal(3, 7);
    Tensor rstd = zeros(3);
    DoubleSupplier loss =
        () -> {
          Tensor y = zeros(3, 7);
          kernels.rmsNorm(x, weight, 1e-5f, y, rstd);
          return dot(y, dy);
        };
    double _ = loss.getAsDouble();
    Tensor dx = zeros(3, 7);
    Tensor dweight = zeros(7);
    kernels.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
    assertGradient("x", x, dx, loss);
    assertGradient("weight", weight, dweight, loss);
  }

  @Test
  void ropeInverseIsItsGradient() {
    Tensor x = normal(3, 2, 6);
    Tensor dy = normal(3, 2, 6);
    Tensor table = zeros(3, 2, 3);
    Tensor positions = Tensors.ofInts(arena, new int[] {0, 5, 70000}, 3);
    kernels.ropeTable(positions, new double[] {1, 0.05, 0.002}, 1, table);
    DoubleSupplier loss =
        () -> {
          Tensor y = zeros(3, 2, 6);
          kernels.copy(x, y);
          kernels.rope(y, table, false);
          return dot(y, dy);
        };
    Tensor dx = zeros(3, 2, 6);
    kernels.copy(dy, dx);
    kernels.rope(dx, table, true);
    assertGradient("x", x, dx, loss);
  }

  @Test
  void swiglu() {
    Tensor gateUp = normal(3, 10);
    Tensor dh = normal(3, 5);
    Tensor dGateUp = zeros(3, 10);
    kernels.swigluBackward(dh, gateUp, dGateUp);
    assertGradient(
        "gateUp",
        gateUp,
        dGateUp,
        () -> {
          Tensor h = zeros(3, 5);
          kernels.swiglu(gateUp, h);
          return dot(h, dh);
        });
  }

  @Test
  void attentionOverBandedTiles() {
    int[] kvHeadOf = {0, 0, 1};
    float scale = 0.6f;
    Tensor q = normal(6, 3, 4);
    Tensor k = normal(8, 2, 4);
    Tensor v = normal(8, 2, 4);
    Tensor dOut = normal(6, 3, 4);
    AttentionTiles tiles =
        new AttentionTiles.Builder()
            .add(0, 4, 0, 4, 0, AttentionTiles.UNLIMITED)
            .add(0, 4, 4, 2, -AttentionTiles.UNLIMITED, AttentionTiles.UNLIMITED)
            .add(1, 4, 6, 2, 1, 2)
            .build();
    Tensor out = zeros(6, 3, 4);
    Tensor lse = zeros(6, 3);
    DoubleSupplier loss =
        () -> {
          kernels.fill(out, 0);
          kernels.fill(lse, Float.NEGATIVE_INFINITY);
          kernels.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
          return dot(out, dOut);
        };
    double _ = loss.getAsDouble();
    Tensor delta = zeros(6, 3);
    kernels.attentionDelta(out, dOut, delta);
    Tensor dq = zeros(6, 3, 4);
    Tensor dk = zeros(8, 2, 4);
    Tensor dv = zeros(8, 2, 4);
    kernels.attentionBackward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    assertGradient("q", q, dq, loss);
    assertGradient("k", k, dk, loss);
    assertGradient("v", v, dv, loss);
  }

  @Test
  void silu() {
    Tensor x = normal(13);
    Tensor dy = normal(13);
    Tensor dx = zeros(13);
    kernels.siluBackward(dy, x, dx);
    assertGradient(
        "x",
        x,
        dx,
        () -> {
          Tensor y = zeros(13);
          kernels.silu(x, y);
          return dot(y, dy);
        });
  }

  /** With an incoming and an outgoing state, and with document starts in between. */
  @Test
  void linearAttention() {
    for (int[] resets : new int[][] {{}, {0}, {2, 3, 6}}) {
      DecayPattern pattern =
          new DecayPattern(new int[] {0, 0, 1}, new float[] {0.01f, 0.3f, 1}, resets);
      Tensor q = normal(7, 3, 4);
      Tensor k = normal(7, 2, 4);
      Tensor v = normal(7, 2, 4);
      Tensor before = normal(3, 4, 4);
      Tensor dOut = normal(7, 3, 4);
      Tensor dAfter = normal(3, 4, 4);
      DoubleSupplier loss =
          () -> {
            Tensor state = zeros(3, 4, 4);
            Tensor out = zeros(7, 3, 4);
            kernels.copy(before, state);
            kernels.linearAttention(q, k, v, pattern, state, out);
            return dot(out, dOut) + dot(state, dAfter);
          };
      Tensor dState = zeros(3, 4, 4);
      kernels.copy(dAfter, dState);
      Tensor dq = zeros(7, 3, 4);
      Tensor dk = zeros(7, 2, 4);
      Tensor dv = zeros(7, 2, 4);
      kernels.linearAttentionBackward(q, k, v, pattern, before, dOut, dState, dq, dk, dv);
      assertGradient("q", q, dq, loss);
      assertGradient("k", k, dk, loss);
      assertGradient("v", v, dv, loss);
      assertGradient("state", before, dState, loss);
    }
  }

  /** The kernel for states alone gives the states of the whole kernels. */
  @Test
  void linearAttentionState() {
    for (int[] resets : new int[][] {{}, {0}, {2, 3, 6}}) {
      DecayPattern pattern =
          new DecayPattern(new int[] {0, 0, 1}, new float[] {0.01f, 0.3f, 1}, resets);
      Tensor q = normal(7, 3, 4);
      Tensor k = normal(7, 2, 4);
      Tensor v = normal(7, 2, 4);
      Tensor dOut = normal(7, 3, 4);
      Tensor before = normal(3, 4, 4);
      Tensor whole = zeros(3, 4, 4);
      Tensor alone = zeros(3, 4, 4);
      kernels.copy(before, whole);
      kernels.copy(before, alone);
      kernels.linearAttention(q, k, v, pattern, whole, zeros(7, 3, 4));
      kernels.linearAttentionState(k, v, pattern, false, alone);
      assertArrayEquals(Tensors.toFloats(whole), Tensors.toFloats(alone));
      kernels.copy(before, whole);
      kernels.copy(before, alone);
      kernels.linearAttentionBackward(
          q, k, v, pattern, before, dOut, whole, zeros(7, 3, 4), zeros(7, 2, 4), zeros(7, 2, 4));
      kernels.linearAttentionState(q, dOut, pattern, true, alone);
      assertArrayEquals(Tensors.toFloats(whole), Tensors.toFloats(alone));
    }
  }

  /** Compares with the sum over pairs as the paper writes it. */
  @Test
  void linearAttentionIsTheSumOverEarlierTokens() {
    int tokens = 9;
    DecayPattern pattern = new DecayPattern(new int[] {0}, new float[] {0.2f}, new int[] {0, 4});
    Tensor q = normal(tokens, 1, 3);
    Tensor k = normal(tokens, 1, 3);
    Tensor v = normal(tokens, 1, 3);
    Tensor out = zeros(tokens, 1, 3);
    kernels.linearAttention(q, k, v, pattern, normal(1, 3, 3), out);
    for (int t = 0; t < tokens; t++) {
      for (int e = 0; e < 3; e++) {
        double sum = 0;
        for (int s = t < 4 ? 0 : 4; s <= t; s++) {
          double score = dot(q.get(t), k.get(s));
          sum += Math.exp(-0.2f * (t - s)) * score * HostAccess.get(v, s * 3L + e);
        }
        assertEquals(sum, HostAccess.get(out, t * 3L + e), 1e-6);
      }
    }
  }

  @Test
  void routeTopK() {
    float zGrad = 0.3f;
    Tensor logits = Tensors.of(arena, new float[] {1, -1, 2, 0.2f, 0.5f, 3, -2, 1.5f}, 2, 4);
    Tensor dWeights = normal(2, 2);
    Tensor probsGrad = normal(4);
    Tensor probs = zeros(2, 4);
    Tensor lse = zeros(2);
    Tensor indices = Tensors.zeros(arena, DType.I32, 2, 2);
    Tensor weights = zeros(2, 2);
    DoubleSupplier loss =
        () -> {
          kernels.routeTopK(logits, true, probs, lse, indices, weights);
          double sum = dot(weights, dWeights);
          for (int t = 0; t < 2; t++) {
            sum += dot(probs.get(t), probsGrad);
            sum += zGrad / 2 * HostAccess.get(lse, t) * HostAccess.get(lse, t);
          }
          return sum;
        };
    double _ = loss.getAsDouble();
    Tensor dLogits = zeros(2, 4);
    kernels.routeTopKBackward(
        probs, lse, indices, weights, true, dWeights, probsGrad, zGrad, dLogits);
    assertGradient("logits", logits, dLogits, loss);
  }

  @Test
  void combineRows() {
    Tensor rows = normal(3, 4);
    Tensor slots = Tensors.ofInts(arena, new int[] {2, 0, -1, 1}, 2, 2);
    Tensor weights = normal(2, 2);
    Tensor dOut = normal(2, 4);
    DoubleSupplier loss =
        () -> {
          Tensor out = zeros(2, 4);
          kernels.combineRows(rows, slots, weights, out);
          return dot(out, dOut);
        };
    Tensor dRows = zeros(3, 4);
    Tensor dWeights = zeros(2, 2);
    kernels.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
    assertGradient("rows", rows, dRows, loss);
    assertGradient("weights", weights, dWeights, loss);
  }

  @Test
  void crossEntropy() {
    Tensor logits = normal(3, 5);
    Tensor labels = Tensors.ofInts(arena, new int[] {4, -100, 0}, 3);
    DoubleSupplier loss =
        () -> {
          Tensor copy = zeros(3, 5);
          Tensor losses = zeros(3);
          kernels.copy(logits, copy);
          kernels.crossEntropy(copy, labels, 1, losses);
          double sum = 0;
          for (float nats : Tensors.toFloats(losses)) {
            sum += 0.25 * nats;
          }
          return sum;
        };
    Tensor dLogits = zeros(3, 5);
    kernels.copy(logits, dLogits);
    kernels.crossEntropy(dLogits, labels, 0.25f, zeros(3));
    assertGradient("logits", logits, dLogits, loss);
  }
}
