package dev.gyre.kernels.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

/** The backward kernels of rows, products, attention and the loss. */
final class ScalarGradientsTest extends FiniteDifferences {
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
    for (int size : new int[] {6, 9}) { // all of a head, and its last six elements
      Tensor x = normal(3, 2, size);
      Tensor dy = normal(3, 2, size);
      Tensor table = zeros(3, 2, 3);
      Tensor positions = Tensors.ofInts(arena, new int[] {0, 5, 70000}, 3);
      kernels.ropeTable(positions, new double[] {1, 0.05, 0.002}, 1.3, table);
      DoubleSupplier loss =
          () -> {
            Tensor y = zeros(3, 2, size);
            kernels.copy(x, y);
            kernels.rope(y, table, false);
            return dot(y, dy);
          };
      Tensor dx = zeros(3, 2, size);
      kernels.copy(dy, dx);
      kernels.rope(dx, table, true);
      assertGradient("x", x, dx, loss);
    }
  }

  @Test
  void addBias() {
    Tensor x = normal(4, 5);
    Tensor bias = normal(5);
    Tensor dy = normal(4, 5);
    Tensor dbias = zeros(5);
    kernels.addBiasBackward(dy, dbias);
    assertGradient(
        "bias",
        bias,
        dbias,
        () -> {
          Tensor y = zeros(4, 5);
          kernels.copy(x, y);
          kernels.addBias(y, bias);
          return dot(y, dy);
        });
  }

  @Test
  void clamp() {
    Tensor x = notNear(0.5f, normal(20));
    Tensor dy = normal(20);
    Tensor dx = zeros(20);
    kernels.clampBackward(dy, x, 0.5f, dx);
    assertGradient(
        "x",
        x,
        dx,
        () -> {
          Tensor y = zeros(20);
          kernels.clamp(x, 0.5f, y);
          return dot(y, dy);
        });
  }

  /** Halves the values so close to ±limit that a difference would cross it. */
  private static Tensor notNear(float limit, Tensor x) {
    for (long i = 0; i < x.elements(); i++) {
      double value = HostAccess.get(x, i);
      if (Math.abs(Math.abs(value) - limit) < 2 * H) {
        HostAccess.set(x, i, value / 2);
      }
    }
    return x;
  }

  @Test
  void swigluClamped() {
    Tensor gateUp = notNear(0.6f, normal(4, 14));
    Tensor dh = normal(4, 7);
    Tensor dGateUp = zeros(4, 14);
    kernels.swigluClampedBackward(dh, gateUp, 1.702f, 0.6f, dGateUp);
    assertGradient(
        "gateUp",
        gateUp,
        dGateUp,
        () -> {
          Tensor h = zeros(4, 7);
          kernels.swigluClamped(gateUp, 1.702f, 0.6f, h);
          return dot(h, dh);
        });
  }

  /** The gradient of a copy of columns is the copy back. */
  @Test
  void copyColumns() {
    Tensor x = normal(3, 2, 5);
    Tensor before = normal(6, 4);
    Tensor dy = normal(6, 4);
    for (boolean accumulate : new boolean[] {false, true}) {
      Tensor dx = zeros(3, 2, 5);
      kernels.copyColumns(dy, 1, dx, 2, 3, false);
      assertGradient(
          "x",
          x,
          dx,
          () -> {
            Tensor y = zeros(6, 4);
            kernels.copy(before, y);
            kernels.copyColumns(x, 2, y, 1, 3, accumulate);
            return dot(y, dy);
          });
    }
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

  /** Through attention and sinks together; the last query sees no key. */
  @Test
  void attentionSinks() {
    int[] kvHeadOf = {0, 0, 1};
    Tensor q = normal(5, 3, 4);
    Tensor k = normal(4, 2, 4);
    Tensor v = normal(4, 2, 4);
    Tensor sinks = normal(3);
    Tensor dOut = normal(5, 3, 4);
    AttentionTiles tiles =
        new AttentionTiles.Builder().add(0, 4, 0, 4, 0, AttentionTiles.UNLIMITED).build();
    Tensor out = zeros(5, 3, 4);
    Tensor lse = zeros(5, 3);
    DoubleSupplier loss =
        () -> {
          kernels.fill(out, 0);
          kernels.fill(lse, Float.NEGATIVE_INFINITY);
          kernels.attention(q, k, v, kvHeadOf, tiles, 0.6f, out, lse);
          kernels.attentionSinks(sinks, out, lse);
          return dot(out, dOut);
        };
    double _ = loss.getAsDouble();
    Tensor delta = zeros(5, 3);
    kernels.attentionDelta(out, dOut, delta);
    Tensor dq = zeros(5, 3, 4);
    Tensor dk = zeros(4, 2, 4);
    Tensor dv = zeros(4, 2, 4);
    Tensor dsinks = zeros(3);
    kernels.attentionBackward(q, k, v, kvHeadOf, tiles, 0.6f, dOut, lse, delta, dq, dk, dv);
    kernels.attentionSinksBackward(sinks, lse, delta, dsinks);
    assertGradient("q", q, dq, loss);
    assertGradient("k", k, dk, loss);
    assertGradient("v", v, dv, loss);
    assertGradient("sinks", sinks, dsinks, loss);
  }

  /** A key whose scores are the sink and whose value is 0 gives the same. */
  @Test
  void aSinkIsOneMoreKey() {
    float sink = 0.7f;
    Tensor q = normal(3, 1, 2);
    Tensor k = normal(4, 1, 2);
    Tensor v = normal(4, 1, 2);
    AttentionTiles.Builder builder = new AttentionTiles.Builder();
    AttentionTiles all =
        builder.add(0, 3, 0, 4, -AttentionTiles.UNLIMITED, AttentionTiles.UNLIMITED).build();
    Tensor out = zeros(3, 1, 2);
    Tensor lse = zeros(3, 1);
    kernels.fill(lse, Float.NEGATIVE_INFINITY);
    kernels.attention(q, k, v, new int[] {0}, all, 1, out, lse);
    kernels.attentionSinks(Tensors.of(arena, new float[] {sink}, 1), out, lse);
    for (int t = 0; t < 3; t++) {
      double sum = Math.exp(sink);
      double[] weighted = new double[2];
      for (int j = 0; j < 4; j++) {
        double e = Math.exp(dot(q.get(t), k.get(j)));
        sum += e;
        for (int d = 0; d < 2; d++) {
          weighted[d] += e * HostAccess.get(v, 2L * j + d);
        }
      }
      assertEquals(Math.log(sum), HostAccess.get(lse, t), 1e-6);
      for (int d = 0; d < 2; d++) {
        assertEquals(weighted[d] / sum, HostAccess.get(out, 2L * t + d), 1e-6);
      }
    }
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
